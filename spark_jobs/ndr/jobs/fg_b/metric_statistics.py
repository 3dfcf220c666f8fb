"""One metric: its statistics for every host group and every segment group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ndr.jobs.fg_b.baseline_tables import MetricStatistics
from ndr.jobs.fg_b.layout import HorizonLayout
from ndr.jobs.fg_b.order_statistics import Floats, Ints, order_statistics, sort_groups


@dataclass(frozen=True, slots=True)
class HostAndSegment:
    """A metric's statistics for the host groups and for the segment groups of a horizon."""

    host: MetricStatistics
    segment: MetricStatistics


def count_unmarked(marks: NDArray[np.bool_], offsets: Ints) -> Ints:
    """Count the values of each group that are not marked; marks are expected to be few."""
    groups = np.searchsorted(offsets, np.flatnonzero(marks), side="right") - 1
    return np.diff(offsets) - np.bincount(groups, minlength=len(offsets) - 1)


@dataclass(frozen=True, slots=True)
class Capped:
    """The rows of a horizon that capping leaves out, and how many rows of each host group it leaves in."""

    rows: NDArray[np.bool_]
    kept_counts: Ints


def metric_statistics(column: Floats, capped: Capped, horizon: HorizonLayout) -> HostAndSegment:
    """Compute one metric's statistics over the rows that are not capped, and its support over all rows.

    Parameters
    ----------
    column : array of float64
        The metric over the horizon's rows, group by group; a value that is not finite is missing.
    capped : Capped
        Rows that capping leaves out.
    """
    offsets, segment_groups = horizon.host_offsets, horizon.segment_groups
    left_out = ~np.isfinite(column)
    support, counts = np.diff(offsets), capped.kept_counts
    if left_out.any():
        support = count_unmarked(left_out, offsets)
        left_out |= capped.rows
        counts = count_unmarked(left_out, offsets)
    else:
        left_out = capped.rows
    # An infinity sorts behind every value: what is left out stays in its group, past the group's count.
    values = np.where(left_out, np.inf, column)
    sort_groups(values, offsets)
    host = order_statistics(values, offsets[:-1], counts)
    # The hosts of a segment lie side by side: the same array, sorted over longer groups, serves the segments.
    pooled = offsets[segment_groups]
    sort_groups(values, pooled)
    segment = order_statistics(values, pooled[:-1], np.add.reduceat(counts, segment_groups[:-1]))
    segment_support = np.add.reduceat(support, segment_groups[:-1])
    return HostAndSegment(MetricStatistics(host, support), MetricStatistics(segment, segment_support))
