"""Baselines of many horizons in one pass equal, bit for bit, those of one horizon at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import Interval
from ndr.jobs.fg_b.baseline import Baseline, StatisticsRules
from ndr.jobs.fg_b.bit_planes import MOST_BASELINES
from ndr.jobs.fg_b.statistics import host_and_segment_baselines, tables_of_baselines
from ndr.jobs.fg_b.targets import chunks

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
METRICS = ("sessions_cnt", "bytes_sent_sum", "deny_ratio")
EVERYWHERE = Networks(internal={"all": ("0.0.0.0/0", "::/0")})
RULES = StatisticsRules(METRICS, METRICS[:2], support_min=5, networks=EVERYWHERE)
PUBLISHED = {("working_hours", "1h"): 24, ("off_hours", "1h"): 24}


def window(end_day: int, days: int) -> Baseline:
    end = START + end_day * DAY
    return Baseline(f"{days}d", Interval(end - days * DAY, end), PUBLISHED)


def hourly_rows(hosts: int, days: int, seed: int) -> pa.Table:
    """Rows of hosts that come, go and fall silent, in no order; a tenth of the ratios are missing."""
    random = np.random.default_rng(seed)
    keys = [
        (host, hour)
        for host in range(hosts)
        for hour in range(random.integers(0, 24), days * 24 - int(random.integers(0, 48)))
        if random.random() < 0.7
    ]
    random.shuffle(keys)
    count = len(keys)
    return pa.table(
        {
            "host_ip": pa.array([f"10.0.{host % 2}.{host}" if host % 3 else f"2001:db8::{host}" for host, _ in keys]),
            "role": pa.array(["inbound" if host == 1 else "outbound" for host, _ in keys]),
            "time_band": pa.array(["working_hours" if 8 <= hour % 24 < 18 else "off_hours" for _, hour in keys]),
            "window_label": pa.array(["1h"] * count),
            "window_end": pa.array([START + timedelta(hours=hour + 1) for _, hour in keys], pa.timestamp("us", "UTC")),
            "sessions_cnt": pa.array(random.poisson(3, count).astype(float)),
            "bytes_sent_sum": pa.array(random.lognormal(5, 2, count)),
            "deny_ratio": pa.array(random.random(count), mask=random.random(count) < 0.1),
        }
    )


def assert_same(rows: pa.Table, windows: list[Baseline]) -> int:
    """Compare one pass with a pass for each window; return how many rows were capped."""
    together = tables_of_baselines(rows, windows, RULES, threads=2)
    for each, result in zip(windows, together, strict=True):
        alone = host_and_segment_baselines(rows, each, RULES)
        assert result.host.equals(alone.host)
        assert result.segment.equals(alone.segment)
    return sum(sum(result.segment["capped_rows_cnt"].to_pylist()) for result in together)


@settings(max_examples=25)
@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(1, 12), st.sampled_from([1, 2, 7])), min_size=1, max_size=6),
)
def test_windows_of_any_ends_equal_separate_runs(seed: int, targets: list[tuple[int, int]]) -> None:
    assert_same(hourly_rows(4, 9, seed), [window(*target) for target in targets])


def test_a_backfill_of_daily_ends_equals_regular_runs() -> None:
    windows = [window(end, days) for end in range(8, 21) for days in (3, 7)]
    assert assert_same(hourly_rows(7, 20, seed=3), windows) > 100


def test_more_windows_than_a_mask_holds_equal_regular_runs() -> None:
    windows = [window(end, days) for end in range(1, 15) for days in (1, 2, 3, 5, 7)]
    assert len(windows) > MOST_BASELINES
    assert_same(hourly_rows(4, 14, seed=5), windows)


def test_segments_of_few_rows_and_metrics_without_values_equal_regular_runs() -> None:
    rows = hourly_rows(6, 9, seed=7).slice(0, 300)
    rows = rows.set_column(rows.column_names.index("deny_ratio"), "deny_ratio", pa.nulls(rows.num_rows, pa.float64()))
    bytes_at = rows.column_names.index("bytes_sent_sum")
    rows = rows.set_column(
        bytes_at, "bytes_sent_sum", pa.array(np.where(np.arange(300) % 7, rows["bytes_sent_sum"], np.inf))
    )
    assert_same(rows, [window(end, days) for end in range(2, 10) for days in (1, 7)])


def test_a_window_before_all_rows_is_empty() -> None:
    early, late = tables_of_baselines(hourly_rows(3, 4, seed=1), [window(-5, 2), window(4, 2)], RULES)
    assert early.host.num_rows == 0
    assert late.host.num_rows > 0
    assert early.host.schema == late.host.schema


def test_chunks_keep_every_target_once_in_order_and_within_reach() -> None:
    windows = [window(end, days) for days in (30, 7) for end in range(1, 75, 7 if days == 30 else 1)]
    found = list(chunks(windows, 30 * DAY))
    assert sorted(id(each) for chunk in found for each in chunk) == sorted(id(each) for each in windows)
    ends = [each.end for chunk in found for each in chunk]
    assert ends == sorted(ends)
    assert all(chunk[-1].end - chunk[0].end < 30 * DAY for chunk in found)
    assert len(found) == 3
