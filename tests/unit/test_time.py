from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import (
    DAY,
    EPOCH,
    SLICE,
    Interval,
    baseline_ends,
    ceil_to,
    coverage,
    floor_to,
    format_instant,
    merged,
    mini_batch_id,
    parse_instant,
    unfilled,
)

instants = st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
quarters = st.integers(0, 200).map(lambda number: EPOCH + number * SLICE)
intervals = st.tuples(quarters, quarters).filter(lambda ends: ends[0] < ends[1]).map(lambda ends: Interval(*ends))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("20260131", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T06:15:00Z", datetime(2026, 1, 31, 6, 15, tzinfo=UTC)),
        ("2026-01-31T06:15:00+02:00", datetime(2026, 1, 31, 4, 15, tzinfo=UTC)),
        (" 2026-01-31T06:15Z ", datetime(2026, 1, 31, 6, 15, tzinfo=UTC)),
    ],
)
def test_instants_are_read_as_utc(text: str, instant: datetime) -> None:
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("2026-01-31T06:15:00", "names no time zone"),
        ("yesterday", "is not an ISO 8601 time"),
        ("2026-02-30", "is not an ISO 8601 time"),
        ("", "is not an ISO 8601 time"),
        ("0001-01-01T00:00:00+14:00", "is not an ISO 8601 time"),
        (True, "is not text"),
    ],
)
def test_a_bad_instant_is_named_with_what_to_write(text: str, finding: str) -> None:
    with pytest.raises(InvalidRequestError, match=rf"^end is .*{finding}.*write UTC as 2026-01-31T06:15:00Z"):
        parse_instant(text, "end")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("2020", 'which is not an ISO 8601 time: write its first day, "2020-01-01".'),
        (2020, 'which is not text: write its first day, "2020-01-01".'),
        ("2026-01", 'which is not an ISO 8601 time: write its first day, "2026-01-01".'),
        (20260131, 'which is not text: write the date in quotes, "2026-01-31".'),
        ("00:05", "which is not an ISO 8601 time: add the date, and write UTC as 2026-01-31T06:15:00Z."),
        ("2026-01-31T06:15", "write UTC as 2026-01-31T06:15:00Z, or a date as 2026-01-31."),
    ],
)
def test_the_advice_is_near_to_what_was_typed(text: str, advice: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        parse_instant(text, "end")
    assert str(refused.value).startswith(f"end is {text!r}, ")
    assert str(refused.value).endswith(advice)


def test_a_long_text_is_cut() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        parse_instant("x" * 1_000_000, "end")
    assert len(str(refused.value)) < 250


@given(instants)
def test_an_instant_survives_writing_and_reading(instant: datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(instants, st.sampled_from([SLICE, DAY, timedelta(minutes=1)]))
def test_floor_and_ceil_are_the_nearest_multiples(instant: datetime, step: timedelta) -> None:
    low, high = floor_to(instant, step), ceil_to(instant, step)
    assert low <= instant <= high
    assert (low - EPOCH) % step == timedelta()
    assert high - low == (timedelta() if low == instant else step)


@given(intervals, st.lists(intervals, max_size=6))
def test_unfilled_is_what_no_interval_covers_slice_by_slice(wanted: Interval, covered: list[Interval]) -> None:
    gaps = unfilled(wanted, covered)
    slices = [piece.start for piece in wanted.steps(SLICE)]
    bare = [instant for instant in slices if not any(instant in interval for interval in covered)]
    assert [instant for instant in slices if any(instant in gap for gap in gaps)] == bare
    assert gaps == merged(gaps)
    assert coverage(wanted, covered) == pytest.approx(1 - len(bare) / len(slices))


@given(intervals, st.sampled_from([SLICE, 4 * SLICE, DAY]))
def test_steps_tile_the_interval(interval: Interval, step: timedelta) -> None:
    pieces = list(interval.steps(step))
    assert merged(pieces) == [interval]
    assert all(piece.duration <= step for piece in pieces)
    assert all(floor_to(piece.start, step) == piece.start for piece in pieces[1:])


def test_intervals_are_half_open() -> None:
    day = Interval.parse("2026-01-01", "2026-01-02")
    assert day.start in day
    assert day.end not in day
    assert day.intersection(Interval.parse("2026-01-02", "2026-01-03")) is None
    assert day.slice_count() == 96


def test_an_interval_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="start must be before end"):
        Interval.parse("2026-01-02", "2026-01-02")


def test_daily_ends_are_the_midnights_in_the_range() -> None:
    ends = baseline_ends(Interval.parse("2026-01-01T06:00:00Z", "2026-01-04"), "daily")
    assert [format_instant(end) for end in ends] == ["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]


def test_weekly_ends_open_the_weekday() -> None:
    ends = baseline_ends(Interval.parse("2026-01-01", "2026-01-20"), "weekly", weekday=0)
    assert [format_instant(end)[:10] for end in ends] == ["2026-01-05", "2026-01-12", "2026-01-19"]


@given(intervals)
def test_a_mini_batch_id_holds_its_interval(interval: Interval) -> None:
    from ndr.contract.time import interval_of

    assert interval_of(mini_batch_id(interval)) == interval
