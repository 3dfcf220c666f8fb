"""Pair baselines against a naive oracle in plain Python."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.contract.datasets import FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT, PAIR_COUNTS
from ndr.contract.time import Interval
from ndr.jobs.fg_b.baseline import Baseline
from ndr.jobs.fg_b.pair_rows import PairRows, condense_for
from ndr.jobs.fg_b.pairs import PairBaselines, PairRules, destination_hosts, pair_baselines
from ndr.store.schema import arrow_schema

END = datetime(2026, 3, 8, tzinfo=UTC)
WINDOW = Baseline("7d", Interval(END - timedelta(days=7), END))
RULES = PairRules(max_active_days=2, max_prevalence=0.5)
SOURCES = ("10.0.0.1", "10.0.0.2", "10.0.1.9", "2001:db8::1", "2001:db8::2")
SLICE = timedelta(minutes=15)


def pair(src: str = "10.0.0.1", dst: str = "192.0.2.1", port: int = 443, at: int = 0, sessions: int = 1) -> dict:
    start = WINDOW.interval.start + at * SLICE
    return {
        "src_ip": src, "dst_ip": dst, "dst_port": port, "slice_start": start, "sessions_cnt": sessions,
    }  # fmt: skip


def table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, arrow_schema(PAIR_COUNTS))


def pair_rows(rows: list[dict], *windows: Baseline) -> PairRows:
    """Condense the rows in two parts, as files are, of which one is in the order that files are published in."""
    intervals = [window.interval for window in windows]
    ordered = table(rows[::2]).sort_by([(name, "ascending") for name in PAIR_COUNTS.key])
    return PairRows.of(map(condense_for(intervals), (ordered, table(rows[1::2]))), intervals)


def sums_of(rows: list[dict]) -> tuple[pa.Table, pa.Table]:
    by_host = pair_rows(rows, WINDOW)
    by_segment = by_host.by_segment(RULES.networks)
    return by_host.sums(WINDOW.interval), by_segment.sums(WINDOW.interval)


def whole_network(rows: list[dict]) -> PairBaselines:
    of_hosts, of_segments = sums_of(rows)
    return pair_baselines(of_hosts, of_segments, destination_hosts([of_hosts]), WINDOW, RULES)


def oracle(rows: list[dict], window: Baseline, by_segment: bool) -> list[dict]:
    rows = [row for row in rows if row["slice_start"] in window.interval]
    active = {row["src_ip"] for row in rows}
    groups = defaultdict(list)
    for row in rows:
        source = row["src_ip"]
        if by_segment:
            source = str(ip_network((source, 64 if ":" in source else 24), strict=False))
        groups[(source, row["dst_ip"], row["dst_port"])].append(row)
    result = []
    for (source, dst, port), group in sorted(groups.items()):
        days = {row["slice_start"].date() for row in group}
        last = (window.end - timedelta(microseconds=1)).date()
        horizon = window.interval.duration.days
        prevalence = len({row["src_ip"] for row in rows if row["dst_ip"] == dst}) / len(active)
        seen = sum(row["sessions_cnt"] for row in group)
        result.append(
            {
                "segment_id" if by_segment else "src_ip": source,
                "dst_ip": dst,
                "dst_port": port,
                "baseline_horizon": window.label,
                "baseline_end": window.end,
                "pair_seen_count": seen,
                "active_days": len(days),
                "active_days_mask": sum(1 << (last - day).days for day in days),
                "first_seen": min(row["slice_start"] for row in group),
                "last_seen": max(row["slice_start"] for row in group),
                "pair_daily_avg": seen / horizon,
                "pair_rarity_score": pytest.approx(max(0.0, 1 - math.log(len(days)) / math.log(horizon)), abs=1e-12),
                "dst_prevalence": prevalence,
                "is_rare_pair": len(days) <= RULES.max_active_days and prevalence <= RULES.max_prevalence,
            }
        )
    return result


PAIRS = st.builds(
    pair,
    st.sampled_from(SOURCES),
    st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8:f::1"]),
    st.sampled_from([53, 443]),
    st.integers(-5, 7 * 96 + 5),
    st.integers(1, 2**40),
)
WINDOWS = st.sampled_from(
    [
        WINDOW,
        Baseline("7d", Interval(END - timedelta(days=7, hours=6), END - timedelta(hours=6))),
        Baseline("7d", Interval(END - timedelta(days=9), END - timedelta(days=2))),
    ]
)


@settings(max_examples=60)
@given(st.lists(PAIRS, max_size=40), st.lists(WINDOWS, min_size=1, max_size=3))
def test_baselines_of_several_windows_equal_the_oracle(rows: list[dict], windows: list[Baseline]) -> None:
    by_host = pair_rows(rows, *windows)
    by_segment = by_host.by_segment(RULES.networks)
    for window in windows:
        sums, segment_sums = by_host.sums(window.interval), by_segment.sums(window.interval)
        result = pair_baselines(sums, segment_sums, destination_hosts([sums]), window, RULES)
        assert result.host.to_pylist() == oracle(rows, window, by_segment=False)
        assert result.segment.to_pylist() == oracle(rows, window, by_segment=True)


@settings(max_examples=30)
@given(st.lists(PAIRS, max_size=40))
def test_parts_of_whole_segments_equal_the_whole(rows: list[dict]) -> None:
    together = whole_network(rows)
    prefixes = ("10.0.0.", "10.0.1.", "2001:db8::")
    parts = [sums_of([row for row in rows if row["src_ip"].startswith(prefix)]) for prefix in prefixes]
    prevalence = destination_hosts(of_hosts for of_hosts, _ in parts)
    apart = [pair_baselines(*part, prevalence, WINDOW, RULES) for part in parts]
    assert pa.concat_tables(part.host for part in apart) == together.host
    assert pa.concat_tables(part.segment for part in apart) == together.segment


def test_no_rows_give_empty_tables_of_the_contract() -> None:
    result = whole_network([])
    assert result.host.schema == arrow_schema(FG_B_PAIR_HOST)
    assert result.segment.schema == arrow_schema(FG_B_PAIR_SEGMENT)
    assert result.host.num_rows == result.segment.num_rows == 0


def test_a_pair_of_one_day_scores_one_and_a_pair_of_every_day_zero() -> None:
    rows = [pair(port=1)] + [pair(port=2, at=day * 96) for day in range(7)]
    result = whole_network(rows).host
    assert result["pair_rarity_score"].to_pylist() == [1.0, 0.0]
    assert result["active_days_mask"].to_pylist() == [0b1000000, 0b1111111]
    assert result["pair_daily_avg"].to_pylist() == [1 / 7, 1.0]
