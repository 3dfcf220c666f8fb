"""Pair baselines against a naive oracle in plain Python."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jobs.regularity_oracle import regularity_of

from ndr.contract.datasets import FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT, PAIR_COUNTS
from ndr.contract.time import DAY, Interval
from ndr.jobs.fg_b.baseline import Baseline
from ndr.jobs.fg_b.pair_rows import SUMS, PairRows, condense_for
from ndr.jobs.fg_b.pairs import PairBaselines, PairRules, destination_hosts, pair_baselines
from ndr.jobs.published_slices import PublishedSlices
from ndr.store.schema import arrow_schema

END = datetime(2026, 3, 8, tzinfo=UTC)
WINDOW = Baseline("7d", Interval(END - timedelta(days=7), END))
RULES = PairRules(max_active_days=2, max_prevalence=0.5, min_hosts=2)
SOURCES = ("10.0.0.1", "10.0.0.2", "10.0.1.9", "2001:db8::1", "fd00::2")
OUTSIDE = "2001:db8::1"
SLICE = timedelta(minutes=15)


def pair(
    src: str = "10.0.0.1", dst: str = "192.0.2.1", port: int = 443, at: int = 0, allowed: int = 1, denied: int = 0
) -> dict:
    start = WINDOW.interval.start + at * SLICE
    return {
        "src_ip": src, "dst_ip": dst, "dst_port": port, "slice_start": start, "sessions_cnt": allowed + denied,
        "allow_cnt": allowed, "deny_cnt": denied, "src_bytes_sum": 7 * allowed + at % 5, "dst_bytes_sum": 40 * denied,
    }  # fmt: skip


def table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, arrow_schema(PAIR_COUNTS))


def pair_rows(rows: list[dict], *windows: Baseline) -> PairRows:
    """Condense the rows in two parts, as files are, of which one is in the order that files are published in."""
    ordered = table(rows[::2]).sort_by([(name, "ascending") for name in PAIR_COUNTS.key])
    return PairRows.of(map(condense_for(windows), (ordered, table(rows[1::2]))), windows)


def parts_of(rows: list[dict], window: Baseline) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Return the sums of hosts, their regularity, and the sums of segments."""
    by_host = pair_rows(rows, window)
    regularity = by_host.regularity(window)
    return by_host.sums(window.interval), regularity, by_host.by_segment(RULES.networks).sums(window.interval)


def whole_network(rows: list[dict], window: Baseline = WINDOW, rules: PairRules = RULES) -> PairBaselines:
    parts = parts_of(rows, window)
    return pair_baselines(*parts, destination_hosts(parts[:1], rules.networks), window, rules)


def oracle(rows: list[dict], window: Baseline, by_segment: bool) -> list[dict]:
    rows = [row for row in rows if row["slice_start"] in window.interval]
    inside = [row for row in rows if row["src_ip"] != OUTSIDE]
    active = {row["src_ip"] for row in inside}
    groups = defaultdict(list)
    for row in inside if by_segment else rows:
        source = row["src_ip"]
        if by_segment:
            source = str(ip_network((source, 64 if ":" in source else 24), strict=False))
        groups[(source, row["dst_ip"], row["dst_port"])].append(row)
    published = [slot for slot in slots(window.interval) if slot not in GAP]
    days = {slot.date() for slot in published}
    week = slots(Interval(max(window.interval.start, window.end - timedelta(days=7)), window.end))
    result = []
    for (source, dst, port), group in sorted(groups.items()):
        seen_days = {row["slice_start"].date() for row in group}
        last = (window.end - timedelta(microseconds=1)).date()
        contacts = {row["src_ip"] for row in inside if (row["dst_ip"], row["dst_port"]) == (dst, port)}
        seen = sum(row["sessions_cnt"] for row in group)
        rarity = 1 - math.log(len(seen_days)) / math.log(len(days)) if len(days) > 1 else 0
        prevalence = len(contacts) / max(1, len(active))
        is_rare = len(seen_days) <= RULES.max_active_days and prevalence <= RULES.max_prevalence
        slices = {
            (row["slice_start"] - week[0]) // SLICE: (row["allow_cnt"], row["src_bytes_sum"] + row["dst_bytes_sum"])
            for row in group
            if row["slice_start"] >= week[0]
        }
        result.append(
            {
                "segment_id" if by_segment else "src_ip": source,
                "dst_ip": dst,
                "dst_port": port,
                "baseline_horizon": window.label,
                "baseline_end": window.end,
                "pair_seen_count": seen,
                **{name: sum(row[name] for row in group) for name in SUMS[1:]},
                "active_days": len(seen_days),
                "active_days_mask": sum(1 << (last - day).days for day in seen_days),
                "published_days": len(days),
                "first_seen": min(row["slice_start"] for row in group),
                "last_seen": max(row["slice_start"] for row in group),
                "pair_daily_avg": pytest.approx(seen / (len(published) / 96)),
                "pair_rarity_score": pytest.approx(max(0.0, rarity), abs=1e-12),
                "dst_prevalence": prevalence,
                "prevalence_hosts_cnt": len(contacts),
                "active_hosts_cnt": len(active),
                "is_rare_pair": is_rare and len(active) >= RULES.min_hosts,
                **({} if by_segment else regularity_of(slices, [slot not in GAP for slot in week])),
            }
        )
    return result


def slots(interval: Interval) -> list[datetime]:
    return [interval.start + place * SLICE for place in range(interval.slice_count())]


GAP = Interval(END - timedelta(days=4, hours=6), END - timedelta(days=2, hours=12))
"""Time for which nothing was published."""


def with_gap(window: Baseline) -> Baseline:
    parts = [Interval(END - timedelta(days=30), GAP.start), Interval(GAP.end, END)]
    return replace(window, pairs_published=PublishedSlices.of(parts, window.interval))


PAIRS = st.lists(
    st.builds(
        pair,
        st.sampled_from(SOURCES),
        st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8:f::1"]),
        st.sampled_from([53, 443]),
        st.integers(-5, 7 * 96 + 5),
        st.sampled_from([0, 1, 3, 2**40]),
        st.integers(0, 2),
    ).filter(lambda row: row["slice_start"] not in GAP),
    max_size=40,
    unique_by=lambda row: tuple(row[name] for name in PAIR_COUNTS.key),
)
WINDOWS = st.sampled_from(
    [
        with_gap(WINDOW),
        with_gap(Baseline("7d", Interval(END - timedelta(days=7, hours=6), END - timedelta(hours=6)))),
        with_gap(Baseline("7d", Interval(END - timedelta(days=9), END - timedelta(days=2)))),
        with_gap(Baseline("30d", Interval(END - timedelta(days=30), END))),
    ]
)


@settings(max_examples=50)
@given(PAIRS, st.lists(WINDOWS, min_size=1, max_size=3))
def test_baselines_of_several_windows_equal_the_oracle(rows: list[dict], windows: list[Baseline]) -> None:
    by_host = pair_rows(rows, *windows)
    by_segment = by_host.by_segment(RULES.networks)
    for window in windows:
        sums, segment_sums = by_host.sums(window.interval), by_segment.sums(window.interval)
        regularity = by_host.regularity(window)
        prevalence = destination_hosts([sums], RULES.networks)
        result = pair_baselines(sums, regularity, segment_sums, prevalence, window, RULES)
        assert result.host.to_pylist() == oracle(rows, window, by_segment=False)
        assert result.segment.to_pylist() == oracle(rows, window, by_segment=True)


@settings(max_examples=15)
@given(PAIRS)
def test_parts_of_whole_segments_equal_the_whole(rows: list[dict]) -> None:
    together = whole_network(rows)
    prefixes = ("10.0.0.", "10.0.1.", "2001:db8::", "fd00::")
    parts = [parts_of([row for row in rows if row["src_ip"].startswith(prefix)], WINDOW) for prefix in prefixes]
    prevalence = destination_hosts((of_hosts for of_hosts, *_ in parts), RULES.networks)
    apart = [pair_baselines(*part, prevalence, WINDOW, RULES) for part in parts]
    assert pa.concat_tables(part.host for part in apart) == together.host
    assert pa.concat_tables(part.segment for part in apart) == together.segment


def test_a_slice_that_is_published_by_itself_lies_between_its_neighbours() -> None:
    rows = [pair(port=port, at=at, allowed=1 + at % 3) for port in (1, 2) for at in range(0, 300, port)]
    apart = [row for row in rows if row["slice_start"] == WINDOW.interval.start + 8 * SLICE]
    others = [row for row in rows if row not in apart]
    in_parts = PairRows.of(map(condense_for([WINDOW]), (table(others), table(apart))), [WINDOW]).regularity(WINDOW)
    assert in_parts == pair_rows(rows, WINDOW).regularity(WINDOW)
    assert in_parts["longest_run"].to_pylist() == [300, 1]
    assert in_parts["best_autocorrelation_lag"].to_pylist() == [1, 2]


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
    assert result["pair_daily_avg"].to_pylist() == pytest.approx([1 / 7, 1.0])


def test_with_four_of_seven_days_published_an_everyday_pair_is_everyday() -> None:
    published = [
        Interval(WINDOW.interval.start + day * DAY, WINDOW.interval.start + (day + 1) * DAY) for day in (0, 2, 3, 6)
    ]
    window = replace(WINDOW, pairs_published=PublishedSlices.of(published, WINDOW.interval))
    result = whole_network([pair(at=day * 96 + 5, allowed=3) for day in (0, 2, 3, 6)], window).host
    assert result["pair_rarity_score"].to_pylist() == [0.0]
    assert result["published_days"].to_pylist() == [4]
    assert result["pair_daily_avg"].to_pylist() == pytest.approx([3.0])


def test_pairs_to_one_server_that_are_seen_once_are_rare() -> None:
    """Scanners outside try a port each of a server that everybody knows; five hosts inside use one of its ports."""
    scanners = [pair(f"198.51.{at // 250}.{at % 250}", port=1000 + at, at=at % 600) for at in range(1500)]
    inside = [pair(f"10.0.0.{host}", port=443, at=96 * day) for host in range(1, 6) for day in range(7)]
    result = whole_network([*scanners, *inside], rules=PairRules()).host
    assert result.num_rows == 1505
    rare = {row["dst_port"]: row["is_rare_pair"] for row in result.to_pylist()}
    assert sum(rare.values()) == 1500
    assert not rare[443]


def test_with_fewer_hosts_than_the_minimum_nothing_is_rare() -> None:
    rows = [pair(f"10.0.0.{host}", port=host) for host in range(1, 5)] + [pair(OUTSIDE, port=99)]
    rules = PairRules(max_prevalence=0.5)
    few = whole_network(rows, rules=rules).host
    assert few["active_hosts_cnt"].to_pylist() == [4] * 5
    assert not any(few["is_rare_pair"].to_pylist())
    enough = whole_network([*rows, pair("10.0.0.5", port=5)], rules=rules).host
    assert all(enough["is_rare_pair"].to_pylist())


def test_another_port_of_a_common_destination_is_rare() -> None:
    rows = [pair(f"10.0.0.{host}") for host in range(1, 11)] + [pair("10.0.0.1", port=8443)]
    result = whole_network(rows, rules=PairRules()).host.to_pylist()
    found = {
        row["dst_port"]: (row["prevalence_hosts_cnt"], row["dst_prevalence"], row["is_rare_pair"]) for row in result
    }
    assert found == {443: (10, 1.0, False), 8443: (1, 0.1, True)}
