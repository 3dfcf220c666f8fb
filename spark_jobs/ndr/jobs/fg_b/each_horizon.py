"""Statistics of horizons one by one: each takes its rows and sorts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ndr.jobs.fg_b.baseline_tables import HostAndSegment, MetricStatistics
from ndr.jobs.fg_b.capping import Capped, anomalous_rows, count_unmarked
from ndr.jobs.fg_b.layout import HorizonLayout
from ndr.jobs.fg_b.order_statistics import Floats, Ints, order_statistics, sort_groups

# What a way keeps of anomalous rows; several of one way are joined by a bitwise or.
Marks = NDArray[Any]


class Way(Protocol):
    """A way to compute all horizons over laid-out columns. Threads may use it at the same time."""

    def unmarked(self) -> list[Marks]:
        """Return marks of no row."""

    def anomalous(self, column: Floats, limit: float) -> list[Marks]:
        """Mark the rows that a key metric puts far outside their segment group, in each horizon."""

    def leaving_out(self, marks: list[Marks]) -> Cleared:
        """Return how to compute statistics without the marked rows."""


class Cleared(Protocol):
    """A way whose anomalous rows are known."""

    @property
    def kept_counts(self) -> list[Ints]:
        """For each horizon, the rows of each host group that are left in."""

    def statistics(self, column: Floats) -> list[HostAndSegment]:
        """Compute a metric's statistics for each horizon."""


@dataclass(frozen=True, slots=True)
class EachHorizon:
    """The fastest way for one horizon or two."""

    horizons: Sequence[HorizonLayout]

    def unmarked(self) -> list[Marks]:
        return [np.zeros(horizon.host_offsets[-1], bool) for horizon in self.horizons]

    def anomalous(self, column: Floats, limit: float) -> list[Marks]:
        return [
            anomalous_rows(horizon.take(column), horizon.host_offsets[horizon.segment_groups], limit)
            for horizon in self.horizons
        ]

    def leaving_out(self, marks: list[Marks]) -> ClearedHorizons:
        pairs = zip(marks, self.horizons, strict=True)
        return ClearedHorizons(
            self.horizons, [Capped(rows, count_unmarked(rows, horizon.host_offsets)) for rows, horizon in pairs]
        )


@dataclass(frozen=True, slots=True)
class ClearedHorizons:
    """Horizons, and the rows that capping leaves out of each."""

    horizons: Sequence[HorizonLayout]
    capped: list[Capped]

    @property
    def kept_counts(self) -> list[Ints]:
        return [capped.kept_counts for capped in self.capped]

    def statistics(self, column: Floats) -> list[HostAndSegment]:
        pairs = zip(self.horizons, self.capped, strict=True)
        return [metric_statistics(horizon.take(column), capped, horizon) for horizon, capped in pairs]


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
