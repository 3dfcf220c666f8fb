"""Statistics of groups as Arrow tables, in the column order of the FG-B datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import P95_ALL
from ndr.jobs.fg_b.baseline import Baseline, StatisticsRules
from ndr.jobs.fg_b.order_statistics import PERCENTS, Ints, OrderStatistics

TIMESTAMP = pa.timestamp("us", "UTC")


@dataclass(frozen=True, slots=True)
class BaselineTables:
    """Host and segment baselines of one horizon."""

    host: pa.Table
    segment: pa.Table


@dataclass(frozen=True, slots=True)
class MetricStatistics:
    """One metric over all groups of one kind: its order statistics, and its disjoint windows in each group."""

    order: OrderStatistics
    support: Ints


@dataclass(frozen=True, slots=True)
class HostAndSegment:
    """A metric's statistics for the host groups and for the segment groups of a horizon."""

    host: MetricStatistics
    segment: MetricStatistics


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """Rows of each group, how many of them are capped, the distinct window ends they were observed at, the published
    window ends, and the active slices and days of its host or segment in its role."""

    rows: Ints
    capped: Ints
    ends: Ints
    published: Ints
    active_slices: Ints
    active_days: Ints


def baseline_table(
    keys: Mapping[str, list[str]],
    counts: GroupCounts,
    metrics: Mapping[str, MetricStatistics],
    baseline: Baseline,
    rules: StatisticsRules,
) -> pa.Table:
    """Put keys, counts and statistics side by side, a row for each group.

    A group has every published window end at the most: where features of a published window's earlier slices are
    gone, its rows may be more than the published ends, and active_ratio is 1.
    """
    groups = len(counts.rows)
    columns: dict[str, pa.Array] = {name: pa.array(values, pa.string()) for name, values in keys.items()}
    columns["baseline_horizon"] = pa.repeat(baseline.label, groups)
    columns["baseline_end"] = pa.repeat(pa.scalar(baseline.end, TIMESTAMP), groups)
    columns["rows_cnt"] = pa.array(counts.rows)
    columns["capped_rows_cnt"] = pa.array(counts.capped)
    columns["active_slices_cnt"] = pa.array(counts.active_slices)
    columns["active_days_cnt"] = pa.array(counts.active_days)
    columns["active_ratio"] = pa.array(counts.ends / np.maximum(counts.published, counts.ends))
    least = rules.least_support(keys["window_label"])
    for name in rules.metrics:
        columns |= _metric_columns(name, metrics[name], least)
    return pa.table(columns)


def _metric_columns(name: str, metric: MetricStatistics, least_support: Ints) -> dict[str, pa.Array]:
    percentiles = dict(zip(PERCENTS, metric.order.percentiles, strict=True))
    statistics = {
        "median": percentiles[50],
        "p25": percentiles[25],
        "p75": percentiles[75],
        "p95": percentiles[95],
        "p99": percentiles[99],
        "iqr": percentiles[75] - percentiles[25],
        "mad": metric.order.mad,
    }
    if metric.order.p95_all is not None:
        statistics[P95_ALL] = metric.order.p95_all
    # NaN marks a group without a value: null in Arrow.
    columns = {f"{name}_{suffix}": pa.array(values, from_pandas=True) for suffix, values in statistics.items()}
    columns[f"{name}_support_count"] = pa.array(metric.support)
    columns[f"{name}_cold_start"] = pa.array(metric.support < least_support)
    return columns
