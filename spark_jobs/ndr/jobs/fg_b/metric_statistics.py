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


def count_marked(marks: NDArray[np.bool_], offsets: Ints) -> Ints:
    """Count the marks in each (non-empty) group."""
    if marks.all():
        return np.diff(offsets)
    return np.add.reduceat(marks, offsets[:-1], dtype=np.int64)


def starts_of(counts: Ints) -> Ints:
    """Return where groups of these sizes start when laid side by side, and the end of the last."""
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))


def metric_statistics(column: Floats, kept: NDArray[np.bool_], layout: HorizonLayout) -> HostAndSegment:
    """Compute one metric's statistics over the kept rows, and its support over all rows.

    Parameters
    ----------
    column : array of float64
        The metric over the horizon's rows, group by group; a value that is not finite is missing.
    kept : array of bool
        Rows that capping leaves in.
    """
    used = np.isfinite(column)
    support = count_marked(used, layout.host_offsets)
    used &= kept
    offsets = starts_of(count_marked(used, layout.host_offsets))
    values = column[used]
    del used
    sort_groups(values, offsets)
    host = order_statistics(values, offsets)
    # The hosts of a segment lie side by side: the same array, sorted over longer groups, serves the segments.
    pooled = offsets[layout.segment_groups]
    sort_groups(values, pooled)
    segment = order_statistics(values, pooled)
    segment_support = np.add.reduceat(support, layout.segment_groups[:-1])
    return HostAndSegment(MetricStatistics(host, support), MetricStatistics(segment, segment_support))
