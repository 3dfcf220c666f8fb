"""What a planner sees of S3 by names alone, and which batches fill what is missing."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulated_s3 import s3

from ndr.contract.time import DAY, SLICE, Interval, merged, mini_batch_id, parse_instant
from ndr.planner.partition_names import published_intervals
from ndr.planner.upstream import Upstream, delivered_intervals, find_upstream
from ndr.planner.whole_batches import merged_where_overlapping, whole_batches

__all__ = ["s3"]  # a fixture
START = parse_instant("2026-01-05")
PREFIXES = {name: f"s3://data/{name}/" for name in ("deltas", "fg_a", "pair_counts")}


def day(number: int, count: int = 1) -> Interval:
    return Interval(START + number * DAY, START + (number + count) * DAY)


def publish(s3: Any, dataset: str, interval: Interval, manifest: bool = True) -> None:
    folder = f"{dataset}/dt={interval.start:%Y-%m-%d}/{mini_batch_id(interval)}"
    s3.put_object(Bucket="data", Key=f"{folder}/run/{dataset}-00000.parquet", Body=b"")
    if manifest:
        s3.put_object(Bucket="data", Key=f"{folder}/_manifest.json", Body=b"")


def deliver(s3: Any, interval: Interval) -> None:
    s3.put_object(Bucket="data", Key=f"integration/{mini_batch_id(interval)}/part-0.json", Body=b"")


def test_gaps_are_told_by_manifests_and_filled_where_something_was_delivered(s3: Any) -> None:
    for dataset in PREFIXES:
        for number in (0, 1, 5):
            publish(s3, dataset, day(number))
    publish(s3, "deltas", day(2))
    publish(s3, "fg_a", day(2), manifest=False)
    slices = list(day(3).steps(SLICE))
    for interval in (day(-1), day(0), day(1), day(2), *slices, day(5), day(40)):
        deliver(s3, interval)
    s3.put_object(Bucket="data", Key="integration/by-hand/part-0.json", Body=b"")
    found = find_upstream(s3, PREFIXES, "s3://data/integration/", day(0, 7))
    assert found is not None
    assert merged(found.published["deltas"]) == [day(0, 3), day(5)]
    assert found.delivered == [day(0), day(1), day(2), *slices, day(5)]
    assert found.gaps(day(0, 7)) == [day(2, 3), day(6)]
    assert found.not_delivered(day(0, 7)) == [day(4), day(6)]
    assert found.missing_batches([day(0, 7)]) == [day(2, 2)]
    assert found.coverage(day(0, 7)) == pytest.approx(3 / 7)
    assert found.with_built([day(2, 2)]).coverage(day(0, 7)) == pytest.approx(5 / 7)


def test_a_mini_batch_that_was_delivered_alone_is_found(s3: Any) -> None:
    s3.put_object(Bucket="data", Key=f"alone/{mini_batch_id(day(1))}/part.json", Body=b"")
    assert delivered_intervals(s3, "s3://data/alone/", day(0, 2)) == [day(1)]
    assert delivered_intervals(s3, "s3://data/alone/", day(0)) == []


def test_intervals_that_overlap_are_one_and_those_that_meet_stay_two() -> None:
    within = Interval(day(4).start + SLICE, day(4).end)
    assert merged_where_overlapping([within, day(3, 3), day(0), day(1)]) == [day(0), day(1), day(3, 3)]


def test_what_can_not_be_seen_is_not_judged(s3: Any) -> None:
    assert find_upstream(s3, {"fg_a": "file:///data/fg_a/"}, "s3://data/integration/", day(0)) is None
    assert find_upstream(s3, {"fg_a": "s3://nobodys/fg_a/"}, "s3://data/integration/", day(0)) is None


def test_a_batch_takes_whole_mini_batches_and_a_day_of_what_follows_them() -> None:
    hour = Interval(START + 10 * SLICE, START + 14 * SLICE)
    assert whole_batches([hour], [day(0), day(1), day(2)]) == [day(0, 2)]
    assert whole_batches([hour], [day(1), day(2)]) == []
    assert whole_batches([hour], [day(0), day(2)]) == [day(0)]
    month = [day(number) for number in range(70)]
    lengths = [batch.duration for batch in whole_batches([day(0, 70)], month)]
    assert [each.days for each in lengths] == [31, 31, 8]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=12),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=12),
)
def test_batches_hold_every_mini_batch_of_the_ranges_whole(
    folders: list[tuple[int, int]], ranges: list[tuple[int, int]]
) -> None:
    delivered = [Interval(START + at * SLICE, START + (at + length) * SLICE) for at, length in folders]
    wanted = [Interval(START + at * SLICE, START + (at + length) * SLICE) for at, length in ranges]
    batches = whole_batches(wanted, delivered)
    for folder in delivered:
        holding = [batch for batch in batches if batch.intersection(folder)]
        assert all(batch.intersection(folder) == folder for batch in holding)
        if any(folder.intersection(each) for each in wanted):
            assert len(holding) == 1
    assert batches == sorted(batches)
    assert all(before.end <= after.start for before, after in itertools.pairwise(batches))


def _batches_one_by_one(wanted: list[Interval], delivered: list[Interval]) -> list[Interval]:
    """What `whole_batches` returns for less than a month, told by looking at every folder for each range."""
    folders = merged_where_overlapping(delivered)
    chosen = [folder for folder in folders if any(folder.intersection(each) for each in wanted)]
    for span in merged(chosen):
        end = span.end
        for folder in folders:
            if folder.start == end and folder.start < span.end + DAY:
                chosen.append(folder)
                end = folder.end
    return merged(chosen)


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 99)), max_size=30),
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 9)), max_size=6),
)
def test_batches_are_those_found_one_by_one(folders: list[tuple[int, int]], ranges: list[tuple[int, int]]) -> None:
    delivered = [Interval(START + at * SLICE, START + (at + length) * SLICE) for at, length in folders]
    wanted = [Interval(START + at * SLICE, START + (at + length) * SLICE) for at, length in ranges]
    assert whole_batches(wanted, delivered) == _batches_one_by_one(wanted, delivered)


def test_partitions_are_found_by_their_manifests_on_all_days_asked_for_and_no_others(s3: Any) -> None:
    first = Interval(START, START + SLICE)
    for number in (-1, 0, 30, 31, 62, 69, 70):
        publish(s3, "fg_a", day(number))
    publish(s3, "fg_a", first)
    publish(s3, "fg_a", day(40), manifest=False)
    for key in ("dt=2026-01-10/by_hand", "dt=2026-01-10/notes/_manifest.json", "_late/dt=2026-01-10/a_b", "dt=_/x"):
        s3.put_object(Bucket="data", Key=f"fg_a/{key}", Body=b"")
    wanted = Interval(START + SLICE, START + 69 * DAY + SLICE)
    found = published_intervals(s3, PREFIXES["fg_a"], wanted)
    assert sorted(found) == sorted([first, *(day(number) for number in (0, 30, 31, 62, 69))])


def test_a_gap_of_one_dataset_is_a_gap() -> None:
    upstream = Upstream({"fg_a": [day(0, 7)], "pair_counts": [day(0, 3)]}, [day(3), day(4)])
    assert upstream.gaps(day(0, 7)) == [day(3, 4)]
    assert upstream.coverage(day(0, 7)) == pytest.approx(3 / 7)
