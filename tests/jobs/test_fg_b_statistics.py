"""Host and segment baselines against a naive oracle: a Python loop over groups, with numpy's own percentile."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ndr.contract.datasets import fg_b_host, fg_b_segment
from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import Interval
from ndr.jobs.fg_b.baseline import Baseline, StatisticsRules
from ndr.jobs.fg_b.row_source import TEXT_COLUMNS, ParquetRows
from ndr.jobs.fg_b.statistics import host_and_segment_baselines
from ndr.store.schema import arrow_schema

END = datetime(2026, 3, 8, tzinfo=UTC)
START = END - timedelta(days=7)
SLICE = timedelta(minutes=15)
METRICS = ("sessions_cnt", "bytes_sent_sum", "deny_ratio")
COUNTED = METRICS[:2]
LENGTHS = {"15m": 1, "1h": 4}
PUBLISHED = {(band, label): 100 for band in ("working_hours", "off_hours") for label in ("15m", "1h")}
WINDOW = Baseline("7d", Interval(START, END), PUBLISHED)
EVERYWHERE = Networks(internal={"all": ("0.0.0.0/0", "::/0")})
RULES = StatisticsRules(METRICS, COUNTED, support_min=3, networks=EVERYWHERE)
HOSTS = ("10.0.0.1", "10.0.0.200", "10.0.1.1", "2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in TEXT_COLUMNS]
    + [("window_end", pa.timestamp("us", "UTC"))]
    + [(name, pa.float64()) for name in METRICS]
)


def table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


def row(
    host: str = "10.0.0.1", at: int = 1, band: str = "off_hours", label: str = "15m", **metrics: float | None
) -> dict:
    values = dict.fromkeys(METRICS) | metrics
    return {
        "host_ip": host, "role": "outbound", "time_band": band, "window_label": label, "window_end": START + at * SLICE,
        **values,
    }  # fmt: skip


def present(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def oracle_capped(rows: list[dict], rules: StatisticsRules) -> list[bool]:
    flags = [False] * len(rows)
    for metric in rules.key_metrics:
        values = np.array([r[metric] for r in rows if present(r[metric])])
        if not len(values):
            continue
        median = np.percentile(values, 50)
        mad = np.percentile(np.abs(values - median), 50)
        for place, each in enumerate(rows):
            if mad > 0 and present(each[metric]):
                flags[place] |= bool(abs(each[metric] - median) / mad > rules.capping_limit)
    return flags if sum(flags) <= 0.2 * len(rows) else [False] * len(rows)


def oracle_support(rows: list[dict]) -> int:
    """The longest chain of windows that start where the last one ended or later, by dynamic programming."""
    support = 0
    for host in {each["host_ip"] for each in rows}:
        own = sorted(
            (each["window_end"], LENGTHS[each["window_label"]] * SLICE) for each in rows if each["host_ip"] == host
        )
        ends, longest = [end for end, _ in own], [0]
        for end, length in own:
            longest.append(max(longest[-1], 1 + longest[bisect_right(ends, end - length)]))
        support += longest[-1]
    return support


def oracle_metric(rows: list[dict], flags: list[bool], metric: str, zeros: int, rules: StatisticsRules) -> dict:
    have = [r for r in rows if present(r[metric])]
    values = np.array([r[metric] for r, capped in zip(rows, flags, strict=True) if present(r[metric]) and not capped])
    if not len(values):
        values = np.array([r[metric] for r in have])
    result: dict = dict.fromkeys(["median", "p25", "p75", "p95", "p99", "iqr", "mad"])
    if metric in rules.counts_and_sums:
        result["p95_all"] = None
    if len(values):
        p25, p50, p75, p95, p99 = (float(np.percentile(values, q)) for q in (25, 50, 75, 95, 99))
        mad = float(np.percentile(np.abs(values - p50), 50))
        result |= {"median": p50, "p25": p25, "p75": p75, "p95": p95, "p99": p99, "iqr": p75 - p25, "mad": mad}
        if metric in rules.counts_and_sums:
            result["p95_all"] = float(np.percentile(np.append(values, np.zeros(zeros)), 95))
    support = oracle_support(have)
    result |= {"support_count": support, "cold_start": support < rules.support_min}
    return {f"{metric}_{suffix}": value for suffix, value in result.items()}


def oracle(rows: list[dict], window: Baseline, rules: StatisticsRules) -> tuple[list[dict], list[dict]]:
    def segment(host: str) -> str:
        lengths = rules.networks
        prefix = lengths.ipv6_segment_prefix_length if ":" in host else lengths.ipv4_segment_prefix_length
        return str(ip_network((host, prefix), strict=False))

    inside = [each for each in rows if window.interval.start < each["window_end"] <= window.interval.end]
    by_segment: dict[tuple, list[dict]] = defaultdict(list)
    for each in inside:
        key = (segment(each["host_ip"]), each["role"], each["time_band"], each["window_label"])
        by_segment[key].append(each)

    def summary(group: list[dict], hosts: set[str]) -> dict:
        first = group[0]
        published = window.published_ends[(first["time_band"], first["window_label"])]
        own = segment(first["host_ip"])
        ends = len({each["window_end"] for each in group})
        slices = {
            each["window_end"]
            for each in inside
            if each["window_label"] == "15m" and each["role"] == first["role"]
            and (each["host_ip"] in hosts if len(hosts) == 1 else segment(each["host_ip"]) == own)
        }  # fmt: skip
        flags = oracle_capped(group, rules)
        result = {
            "rows_cnt": len(group), "capped_rows_cnt": sum(flags), "active_slices_cnt": len(slices),
            "active_days_cnt": len({(end - SLICE).date() for end in slices}),
            "active_ratio": ends / max(published, ends),
        }  # fmt: skip
        zeros = max(published * len({each["host_ip"] for each in group}) - len(group), 0)
        for metric in rules.metrics:
            result |= oracle_metric(group, flags, metric, zeros, rules)
        return result

    hosts, segments = [], []
    for key in sorted(by_segment):
        group = by_segment[key]
        rest = dict(zip(("role", "time_band", "window_label"), key[1:], strict=True))
        rest |= {"baseline_horizon": window.label, "baseline_end": window.end}
        segments.append({"segment_id": key[0], **rest, **summary(group, set(HOSTS) | {"any other"})})
        for host in sorted({each["host_ip"] for each in group}):
            hosts.append({"host_ip": host, **rest, **summary([r for r in group if r["host_ip"] == host], {host})})
    return hosts, segments


COUNTS = st.one_of(
    st.none(),
    st.integers(0, 3).map(float),
    st.sampled_from([0.0, -0.0, math.nan, math.inf, 1e9, 0.1]),
    st.floats(0, 1e12),
)
NUMBERS = st.one_of(COUNTS, st.integers(-3, 3).map(float), st.floats(-1e12, 1e12))


@st.composite
def fg_a_rows(draw: st.DrawFn) -> list[dict]:
    keys = st.tuples(
        st.sampled_from(HOSTS), st.integers(-1, 7 * 96 + 1), st.sampled_from(["working_hours", "off_hours"]),
        st.sampled_from(["15m", "1h"]),
    )  # fmt: skip
    chosen = draw(st.lists(keys, max_size=60, unique=True))
    numbers = {metric: COUNTS if metric in COUNTED else NUMBERS for metric in METRICS}
    return [row(*key, **{metric: draw(numbers[metric]) for metric in METRICS}) for key in chosen]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fg_a_rows())
def test_equals_the_oracle_bit_for_bit(rows: list[dict]) -> None:
    hosts, segments = oracle(rows, WINDOW, RULES)
    result = host_and_segment_baselines(table(rows), WINDOW, RULES)
    assert result.host.to_pylist() == hosts
    assert result.segment.to_pylist() == segments


@settings(max_examples=40, deadline=None)
@given(fg_a_rows(), st.randoms(use_true_random=False), st.integers(1, 7))
def test_neither_order_nor_batches_nor_threads_matter(rows: list[dict], random, size: int) -> None:
    expected = host_and_segment_baselines(table(rows), WINDOW, RULES)
    random.shuffle(rows)
    batches = table(rows).to_batches(max_chunksize=size)
    result = host_and_segment_baselines(batches, WINDOW, RULES, threads=2)
    assert result.host.equals(expected.host)
    assert result.segment.equals(expected.segment)


@settings(max_examples=40, deadline=None)
@given(fg_a_rows())
def test_segments_computed_apart_equal_those_computed_together(rows: list[dict]) -> None:
    together = host_and_segment_baselines(table(rows), WINDOW, RULES)
    apart = []
    for prefix in ("10.0.0.", "10.0.1.", "2001:db8::", "2001:db8:0:1:"):
        part = table([each for each in rows if each["host_ip"].startswith(prefix)])
        apart.append(host_and_segment_baselines(part, WINDOW, RULES))
    assert pa.concat_tables(part.host for part in apart).sort_by("host_ip") == together.host.sort_by("host_ip")
    assert sum(part.segment.num_rows for part in apart) == together.segment.num_rows


def many_rows(hosts: int, ends: int, seed: int) -> list[dict]:
    """Groups larger than a matrix row: the sort takes its other path."""
    random = np.random.default_rng(seed)
    return [
        row(
            f"10.0.{host % 3}.{host}", at,
            sessions_cnt=float(random.poisson(5)), bytes_sent_sum=float(random.lognormal(8, 2)),
            deny_ratio=None if random.random() < 0.1 else float(random.random()),
        )
        for host in range(hosts) for at in range(1, ends) if random.random() < (host + 1) / hosts
    ]  # fmt: skip


def test_large_groups_equal_the_oracle() -> None:
    rows = many_rows(7, 400, seed=4)
    hosts, segments = oracle(rows, WINDOW, RULES)
    result = host_and_segment_baselines(table(rows), WINDOW, RULES, threads=2)
    assert result.host.to_pylist() == hosts
    assert result.segment.to_pylist() == segments
    assert sum(each["capped_rows_cnt"] for each in segments) > 20


def test_a_capped_row_leaves_the_percentiles_and_stays_in_support() -> None:
    rows = [row(at=at, sessions_cnt=float(at), bytes_sent_sum=1.0, deny_ratio=0.5) for at in range(1, 10)]
    rows.append(row(at=10, sessions_cnt=1000.0, bytes_sent_sum=1.0, deny_ratio=99.0))
    found = host_and_segment_baselines(table(rows), WINDOW, RULES).host.to_pylist()[0]
    assert (found["rows_cnt"], found["capped_rows_cnt"]) == (10, 1)
    assert (found["sessions_cnt_median"], found["sessions_cnt_support_count"]) == (5.0, 10)
    assert (found["deny_ratio_p99"], found["deny_ratio_support_count"]) == (0.5, 10)


def test_a_key_metric_without_spread_caps_nothing() -> None:
    rows = [row(at=at, sessions_cnt=0.0, bytes_sent_sum=0.0, deny_ratio=0.0) for at in range(1, 10)]
    rows.append(row(at=10, sessions_cnt=1e6, bytes_sent_sum=1e9, deny_ratio=1.0))
    found = host_and_segment_baselines(table(rows), WINDOW, RULES).segment.to_pylist()[0]
    assert found["capped_rows_cnt"] == 0
    assert found["bytes_sent_sum_p99"] == pytest.approx(0.91 * 1e9)


def test_an_infinite_key_metric_is_missing_not_anomalous() -> None:
    rows = [row(at=at, sessions_cnt=value, deny_ratio=1.0) for at, value in enumerate([math.inf, 0.0, -2.0], start=1)]
    found = host_and_segment_baselines(table(rows), WINDOW, RULES).host.to_pylist()[0]
    assert (found["capped_rows_cnt"], found["sessions_cnt_support_count"], found["deny_ratio_support_count"]) == (
        0,
        2,
        3,
    )


def test_the_horizon_holds_the_window_that_ends_with_it_and_not_the_one_that_ends_where_it_starts() -> None:
    ends = {0: 1.0, 1: 2.0, 7 * 96: 3.0, 7 * 96 + 1: 4.0}
    rows = [row(at=at, sessions_cnt=value) for at, value in ends.items()]
    found = host_and_segment_baselines(table(rows), WINDOW, RULES).host.to_pylist()[0]
    assert found["rows_cnt"] == 2
    assert found["sessions_cnt_median"] == 2.5


def test_active_ratio_of_a_segment_counts_each_window_end_once() -> None:
    rows = [row(host, at, sessions_cnt=1.0) for host in ("10.0.0.1", "10.0.0.2") for at in (1, 2, 3)]
    rows.append(row("10.0.0.2", 4, sessions_cnt=1.0))
    result = host_and_segment_baselines(table(rows), WINDOW, RULES)
    assert result.host.column("active_ratio").to_pylist() == [0.03, 0.04]
    assert result.segment.column("active_ratio").to_pylist() == [0.04]


def test_prefix_lengths_set_the_segment() -> None:
    lengths = {"ipv4_segment_prefix_length": 16, "ipv6_segment_prefix_length": 48}
    rules = StatisticsRules(METRICS, (), networks=EVERYWHERE.model_copy(update=lengths))
    rows = [row(host, sessions_cnt=1.0) for host in HOSTS]
    result = host_and_segment_baselines(table(rows), WINDOW, rules)
    assert result.segment.column("segment_id").to_pylist() == ["10.0.0.0/16", "2001:db8::/48"]


def test_no_rows_give_empty_tables_of_the_same_schema() -> None:
    full = host_and_segment_baselines(table([row(sessions_cnt=1.0)]), WINDOW, RULES)
    empty = host_and_segment_baselines(table([]), WINDOW, RULES)
    assert empty.host.num_rows == empty.segment.num_rows == 0
    assert empty.host.schema == full.host.schema
    assert empty.segment.schema == full.segment.schema


def test_files_of_different_schemas_equal_the_rows_in_memory(tmp_path: Path) -> None:
    rows = many_rows(5, 120, seed=9)
    parts = [table([r for r in rows if (r["window_end"] - START) // SLICE % 3 == part]) for part in range(3)]
    parts[0] = parts[0].select(list(reversed(parts[0].column_names)))
    parts[1] = parts[1].set_column(1, "role", parts[1].column("role").dictionary_encode()).drop_columns(["deny_ratio"])
    counts = parts[2].column("sessions_cnt").cast(pa.int64())
    parts[2] = parts[2].set_column(parts[2].column_names.index("sessions_cnt"), "sessions_cnt", counts)
    paths = [tmp_path / f"{number}.parquet" for number in range(3)]
    for path, part in zip(paths, parts, strict=True):
        pq.write_table(part, path, row_group_size=50)
    for each in rows:
        if (each["window_end"] - START) // SLICE % 3 == 1:
            each["deny_ratio"] = None
    result = host_and_segment_baselines(
        ParquetRows([str(path) for path in paths], TEXT_COLUMNS), WINDOW, RULES, threads=2
    )
    expected = host_and_segment_baselines(table(rows), WINDOW, RULES)
    assert result.host.equals(expected.host)
    assert result.segment.equals(expected.segment)


def test_tables_have_the_schema_of_the_contract() -> None:
    result = host_and_segment_baselines(table([row(sessions_cnt=1.0)]), WINDOW, RULES)
    assert result.host.schema == arrow_schema(fg_b_host(METRICS))
    assert result.segment.schema == arrow_schema(fg_b_segment(METRICS))


def test_a_file_that_is_not_parquet_names_itself(tmp_path: Path) -> None:
    path = tmp_path / "part-0.parquet"
    path.write_bytes(b"PAR1 cut short")
    with pytest.raises(SchemaMismatchError, match=r"part-0\.parquet can't be read as Parquet"):
        ParquetRows([str(path)], TEXT_COLUMNS)


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(SchemaMismatchError, match="Found 'printer' where an IPv4 or IPv6 address is expected"):
        host_and_segment_baselines(table([row("printer", sessions_cnt=1.0)]), WINDOW, RULES)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(SchemaMismatchError, match="1 FG-A rows have no role"):
        host_and_segment_baselines(table([row(sessions_cnt=1.0) | {"role": None}]), WINDOW, RULES)
    with pytest.raises(SchemaMismatchError, match="without the column role"):
        host_and_segment_baselines(table([row(sessions_cnt=1.0)]).drop_columns(["role"]), WINDOW, RULES)


def test_an_unexpected_window_is_named() -> None:
    with pytest.raises(InvalidRequestError, match=r"\('off_hours', '24h'\).* rebuild FG-A over"):
        host_and_segment_baselines(table([row(label="24h", sessions_cnt=1.0)]), WINDOW, RULES)


def test_a_metric_that_is_text_is_named() -> None:
    rows = table([row(sessions_cnt=1.0)])
    rows = rows.set_column(rows.column_names.index("bytes_sent_sum"), "bytes_sent_sum", pa.array(["many"]))
    with pytest.raises(SchemaMismatchError, match="The metric bytes_sent_sum is string where a number belongs"):
        host_and_segment_baselines(rows, WINDOW, RULES)


def test_a_key_metric_must_be_a_metric() -> None:
    with pytest.raises(InvalidRequestError, match=r"\['flows'\] are not among the metrics"):
        StatisticsRules(METRICS, ("flows",))
