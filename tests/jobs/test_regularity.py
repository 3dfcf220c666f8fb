"""Regularity of pairs against a naive oracle in plain Python, and the score that follows from it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jobs.regularity_oracle import regularity_of

from ndr.contract.datasets import REGULARITY
from ndr.contract.time import SLICE, Interval
from ndr.jobs.published_slices import PublishedSlices
from ndr.jobs.regularity import autocorrelation, pair_regularity, runs

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Interval(START, START + timedelta(days=1))
PAIR = ("10.0.0.1", "192.0.2.1", 443)
Row = tuple[str, str, int, int, int, int]


def counts(rows: list[Row]) -> pa.Table:
    """Return pair counts: source, destination, port, slice from START, allowed sessions and bytes."""
    return pa.table(
        {
            "src_ip": pa.array([row[0] for row in rows], pa.string()),
            "dst_ip": pa.array([row[1] for row in rows], pa.string()),
            "dst_port": pa.array([row[2] for row in rows], pa.int64()),
            "slice_start": pa.array([START + row[3] * SLICE for row in rows], pa.timestamp("us", "UTC")),
            "allow_cnt": pa.array([row[4] for row in rows], pa.int64()),
            "src_bytes_sum": pa.array([row[5] // 3 for row in rows], pa.int64()),
            "dst_bytes_sum": pa.array([row[5] - row[5] // 3 for row in rows], pa.int64()),
        }
    )


def published(*gaps: tuple[int, int], interval: Interval = DAY) -> PublishedSlices:
    """Return an interval of which the slices [first, last) of the gaps were not published."""
    first, parts = interval.start, []
    for start, stop in gaps:
        parts += [Interval(first, START + start * SLICE)] if first < START + start * SLICE else []
        first = START + stop * SLICE
    return PublishedSlices.of([*parts, Interval(first, interval.end)], interval)


def one_pair(sessions: dict[int, int], span: PublishedSlices) -> dict[str, Any]:
    (row,) = pair_regularity(counts([(*PAIR, at, of, 100) for at, of in sessions.items()]), span).to_pylist()
    return row


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["10.0.0.1", "10.0.0.2"]),
        st.sampled_from(["192.0.2.1", "2001:db8::1"]),
        st.sampled_from([53, 443]),
        st.integers(0, 59),
        st.sampled_from([0, 1, 1, 2, 5, 2**40]),
        st.sampled_from([0, 40, 1500, 2**40]),
    ),
    max_size=90,
    unique_by=lambda row: row[:4],
)
GAPS = st.lists(st.tuples(st.integers(0, 58), st.integers(1, 20)), max_size=3)


@settings(max_examples=60)
@given(ROWS, GAPS)
def test_regularity_equals_the_oracle(rows: list[Row], gaps: list[tuple[int, int]]) -> None:
    span = PublishedSlices.of([DAY], Interval(START, START + 60 * SLICE))
    for first, length in gaps:
        span.published[first : first + length] = False
    found = pair_regularity(counts(rows), span)
    keys = zip(*(found[name].to_pylist() for name in ("src_ip", "dst_ip", "dst_port")), strict=True)
    values = found.select([column.name for column in REGULARITY]).to_pylist()
    expected = {
        key: regularity_of({row[3]: row[4:] for row in rows if row[:3] == key}, span.published.tolist())
        for key in {row[:3] for row in rows}
    }
    assert dict(zip(keys, values, strict=True)) == expected


def test_pairs_in_several_blocks_equal_those_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = [(host, at) for host in range(1, 10) for at in range(0, 96, host)]
    rows = [(f"10.0.0.{host}", "192.0.2.1", 443, at, 1 + at % 3, 9) for host, at in calls]
    whole = pair_regularity(counts(rows), published())
    monkeypatch.setattr(autocorrelation, "_BLOCK", 4)
    monkeypatch.setattr(runs, "_BLOCK", 3)
    assert pair_regularity(counts(rows), published()) == whole


def test_a_call_each_hour_repeats_at_four_slices() -> None:
    found = one_pair(dict.fromkeys(range(0, 96, 4), 1), published())
    assert (found["best_autocorrelation_lag"], found["best_autocorrelation"]) == (4, 1.0)
    assert (found["active_slices_share"], found["longest_run"], found["gaps_cv"]) == (0.25, 1, 0.0)


def test_slices_that_were_not_published_are_not_silent() -> None:
    """Without half of its day a pair is as regular as with it: what is absent tells nothing."""
    gap = (48, 72)
    calls = {at: 1 for at in range(96) if not gap[0] <= at < gap[1]}
    found = one_pair(calls, published(gap))
    assert (found["active_slices_share"], found["longest_run"], found["gaps_cv"]) == (1.0, 72, 0.0)
    assert found["active_span_share"] == 1.0
    hourly = one_pair({at: 1 for at in calls if at % 4 == 0}, published(gap))
    assert (hourly["best_autocorrelation"], hourly["best_autocorrelation_lag"]) == (1.0, 4)
    as_silent = one_pair(calls, published())
    assert (as_silent["active_slices_share"], as_silent["longest_run"]) == (0.75, 48)


def test_refused_connections_are_not_activity() -> None:
    found = one_pair(dict.fromkeys(range(96), 0), published())
    assert found["active_slices_share"] == found["longest_run"] == 0
    assert found["sessions_cv"] is None


def test_nothing_published_gives_nothing() -> None:
    found = one_pair(dict.fromkeys(range(96), 1), published((0, 95)))
    assert found["active_slices_share"] == 1.0
    nothing = PublishedSlices.of([], DAY)
    assert one_pair({1: 1}, nothing)["active_slices_share"] == 0
    assert pair_regularity(counts([]), published()).num_rows == 0


def test_days_and_ends_of_published_slices() -> None:
    week = Interval(START, START + timedelta(days=7))
    span = published((96, 4 * 96 - 1), interval=week)
    assert (span.count, span.days) == (4 * 96 + 1, 5)
    last = span.last(timedelta(days=4))
    assert (last.first, last.count, len(last.published)) == (span.first + 3 * 96, 3 * 96 + 1, 4 * 96)
    assert span.last(timedelta(days=30)).count == span.count
    assert math.isclose(span.last(timedelta(days=1)).count, 96)
