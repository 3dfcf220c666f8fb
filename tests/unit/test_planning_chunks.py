from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.time import DAY, Interval, baseline_ends
from ndr.planner.chunks import cut_chunks

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + number * DAY


def targets_of(days: int, horizons: tuple[str, ...] = ("7d", "30d"), first: int = 0) -> dict[str, list[datetime]]:
    cadences = {"7d": "daily", "30d": "weekly"}
    ends = Interval(day(first), day(first + days))
    return {horizon: baseline_ends(ends, cadences[horizon]) for horizon in horizons}  # type: ignore[arg-type]


def test_horizons_share_a_chunk_that_covers_their_ends() -> None:
    targets = targets_of(31)
    first, second = cut_chunks(targets, targets, 28)
    assert (first.horizon, first.ends) == ("both", Interval(day(0), day(28)))
    assert (second.horizon, second.ends) == ("7d", Interval(day(28), day(31)))  # no Monday in its three days
    assert [end for horizon, end in first.baselines if horizon == "30d"] == [day(4), day(11), day(18), day(25)]


def test_what_is_built_is_not_built_again() -> None:
    targets = targets_of(10, ("7d",))
    needed = {"7d": {day(0), day(1), day(5), day(9)}}
    assert [chunk.ends for chunk in cut_chunks(targets, needed, 28)] == [
        Interval(day(0), day(2)),
        Interval(day(5), day(6)),
        Interval(day(9), day(10)),
    ]


def test_a_weekly_run_is_one_chunk_though_days_lie_between_its_ends() -> None:
    targets = targets_of(28, ("30d",))
    (chunk,) = cut_chunks(targets, targets, 28)
    assert (chunk.horizon, chunk.ends) == ("30d", Interval(day(4), day(26)))


def test_a_half_built_horizon_gets_chunks_of_its_own() -> None:
    targets = targets_of(7)
    needed = {"7d": set(targets["7d"]), "30d": set()}
    (chunk,) = cut_chunks(targets, needed, 28)
    assert (chunk.horizon, chunk.ends) == ("7d", Interval(day(0), day(7)))


def test_nothing_to_build_is_no_chunk() -> None:
    targets = targets_of(7)
    assert cut_chunks(targets, {"7d": set(), "30d": set()}, 28) == []
    assert cut_chunks({"7d": [], "30d": []}, {"7d": set(), "30d": set()}, 28) == []


@given(
    st.data(),
    st.integers(0, 6),
    st.integers(1, 90),
    st.integers(1, 40),
    st.sampled_from([("7d",), ("30d",), ("7d", "30d")]),
)
def test_chunks_build_each_needed_baseline_once_and_nothing_else(
    data: st.DataObject, first: int, days: int, chunk_days: int, horizons: tuple[str, ...]
) -> None:
    targets = targets_of(days, horizons, first)
    needed = {
        horizon: data.draw(st.sets(st.sampled_from(ends)) | st.just(set(ends))) if ends else set()
        for horizon, ends in targets.items()
    }
    chunks = cut_chunks(targets, needed, chunk_days)
    # What a job told (horizon, [start, end)) builds, by enumeration rather than by what the chunk says of itself.
    built = [
        (horizon, end)
        for chunk in chunks
        for horizon in (("7d", "30d") if chunk.horizon == "both" else (chunk.horizon,))
        for end in targets[horizon]
        if chunk.ends.start <= end < chunk.ends.end
    ]
    assert sorted(built) == sorted((horizon, end) for horizon, ends in needed.items() for end in ends)
    assert sorted(baseline for chunk in chunks for baseline in chunk.baselines) == sorted(built)
    assert all(chunk.ends.duration <= timedelta(days=chunk_days) for chunk in chunks)
    assert chunks == sorted(chunks, key=lambda chunk: chunk.ends)
