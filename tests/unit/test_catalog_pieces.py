"""Which baseline is the newest, and when a piece is the whole of its partition."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ndr.contract.datasets import FG_B_IP_METADATA, PAIR_COUNTS
from ndr.contract.manifest import Manifest, TimeRange
from ndr.contract.time import DAY, SLICE, Interval, parse_instant
from ndr.store.catalog import delivered_intervals, newest_baseline, pieces_coverage, published_pieces
from ndr.store.partition import baseline_partition_uri, time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema

MONDAY = parse_instant("2026-01-05")
FACTS = {"project_name": "p", "feature_spec_version": "v1", "code_version": "tests"}


def _baseline(prefix: str, end: datetime) -> None:
    writer = PartitionWriter(baseline_partition_uri(prefix, "7d", end))
    writer.write(arrow_schema(FG_B_IP_METADATA).empty_table(), FG_B_IP_METADATA)
    writer.commit(dataset="fg_b", start=end - 7 * DAY, end=end, **FACTS)


def _pair_counts(prefix: str, interval: Interval, coverage: float, undelivered: tuple[TimeRange, ...] = ()) -> Manifest:
    writer = PartitionWriter(time_partition_uri(prefix, interval))
    writer.write(arrow_schema(PAIR_COUNTS).empty_table(), PAIR_COUNTS)
    facts = {"start": interval.start, "end": interval.end, "coverage": coverage, "undelivered": undelivered}
    return writer.commit(dataset=PAIR_COUNTS.name, **facts, **FACTS)


@pytest.mark.parametrize(
    ("not_after", "found"),
    [
        (MONDAY - timedelta(seconds=1), None),
        (MONDAY, MONDAY),
        (MONDAY + DAY - timedelta(seconds=1), MONDAY),
        (MONDAY + DAY, MONDAY + DAY),
        (MONDAY + 9 * DAY, MONDAY + 2 * DAY),
    ],
)
def test_the_newest_baseline_ends_at_or_before_the_given_instant(
    tmp_path: Path, not_after: datetime, found: datetime | None
) -> None:
    for number in (0, 2, 1):
        _baseline(tmp_path.as_uri(), MONDAY + number * DAY)
    newest = newest_baseline(tmp_path.as_uri(), "7d", not_after)
    assert (newest.manifest.end if newest else None) == found


def test_a_piece_is_whole_when_it_answers_for_all_of_its_partition(tmp_path: Path) -> None:
    day = Interval(MONDAY, MONDAY + DAY)
    _pair_counts(tmp_path.as_uri(), day, 1.0)
    assert [piece.is_whole for piece in published_pieces(tmp_path.as_uri(), day)] == [True]
    cut = Interval(day.start + SLICE, day.end)
    assert [piece.is_whole for piece in published_pieces(tmp_path.as_uri(), cut)] == [False]


def test_coverage_weighs_each_piece_with_the_coverage_that_it_was_published_with(tmp_path: Path) -> None:
    _pair_counts(tmp_path.as_uri(), Interval(MONDAY, MONDAY + DAY), 0.5)
    _pair_counts(tmp_path.as_uri(), Interval(MONDAY + DAY, MONDAY + 2 * DAY), 1.0)
    wanted = Interval(MONDAY, MONDAY + 3 * DAY)
    assert pieces_coverage(published_pieces(tmp_path.as_uri(), wanted), wanted) == 0.5


def test_delivered_time_is_what_a_manifest_does_not_call_undelivered(tmp_path: Path) -> None:
    noon, day = MONDAY + timedelta(hours=12), Interval(MONDAY, MONDAY + DAY)
    _pair_counts(tmp_path.as_uri(), day, 0.5, (TimeRange(start=MONDAY, end=noon),))
    assert delivered_intervals(published_pieces(tmp_path.as_uri(), day)) == [Interval(noon, day.end)]
    around = Interval(noon - SLICE, noon + SLICE)
    assert delivered_intervals(published_pieces(tmp_path.as_uri(), around)) == [Interval(noon, noon + SLICE)]
    _pair_counts(tmp_path.as_uri(), day, 0.5)
    assert delivered_intervals(published_pieces(tmp_path.as_uri(), day)) == [day], "formats before 3 do not tell"
    _pair_counts(tmp_path.as_uri(), day, 0.0)
    assert delivered_intervals(published_pieces(tmp_path.as_uri(), day)) == []
