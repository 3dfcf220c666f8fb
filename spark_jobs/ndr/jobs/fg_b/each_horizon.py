"""Strategies for the statistics of several horizons, and the one that sorts the rows of each horizon by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ndr.jobs.fg_b.baseline_tables import HostAndSegment, MetricStatistics
from ndr.jobs.fg_b.capping import CappedRows, anomalous_rows
from ndr.jobs.fg_b.layout import HorizonLayout
from ndr.jobs.fg_b.order_statistics import Floats, Ints, finite_counts, order_statistics, sort_groups
from ndr.jobs.fg_b.selection import is_selection_faster, pooled_statistics

# The anomalous rows, as a strategy stores them; marks of several key metrics are combined by a bitwise or.
Marks = NDArray[Any]


class Strategy(Protocol):
    """How to compute all horizons from laid-out columns. Thread-safe."""

    def unmarked(self) -> list[Marks]:
        """Return marks without any row."""

    def anomalous(self, column: Floats, limit: float) -> list[Marks]:
        """Mark the rows that a key metric puts far outside their segment group, in each horizon."""

    def capped(self, marks: list[Marks]) -> CappedStrategy:
        """Return the strategy with the marked rows capped."""


class CappedStrategy(Protocol):
    """A strategy whose anomalous rows are capped: they count in no percentile and no MAD."""

    @property
    def kept_counts(self) -> list[Ints]:
        """For each horizon, the rows of each host group that are not capped."""

    def statistics(self, column: Floats) -> list[HostAndSegment]:
        """Compute a metric's statistics for each horizon; the column is overwritten."""


@dataclass(frozen=True, slots=True)
class EachHorizon:
    """The fastest strategy for a few horizons: each takes its rows and sorts them."""

    horizons: Sequence[HorizonLayout]

    def unmarked(self) -> list[Marks]:
        return [np.zeros(horizon.host_offsets[-1], bool) for horizon in self.horizons]

    def anomalous(self, column: Floats, limit: float) -> list[Marks]:
        return [
            anomalous_rows(horizon.take(column), horizon.host_offsets[horizon.segment_groups], limit)
            for horizon in self.horizons
        ]

    def capped(self, marks: list[Marks]) -> CappedHorizons:
        pairs = zip(marks, self.horizons, strict=True)
        return CappedHorizons(self.horizons, [CappedRows.of(marked, each.host_offsets) for marked, each in pairs])


@dataclass(frozen=True, slots=True)
class CappedHorizons:
    """Horizons, and the capped rows of each."""

    horizons: Sequence[HorizonLayout]
    capped: list[CappedRows]

    @property
    def kept_counts(self) -> list[Ints]:
        return [capped.kept_counts for capped in self.capped]

    def statistics(self, column: Floats) -> list[HostAndSegment]:
        found = []
        for left, (horizon, capped) in enumerate(zip(self.horizons, self.capped, strict=True), 1 - len(self.horizons)):
            rows = horizon.take(column)
            # The last horizon may have the column for itself.
            found.append(metric_statistics(rows.copy() if rows is column and left else rows, capped, horizon))
        return found


def metric_statistics(column: Floats, capped: CappedRows, horizon: HorizonLayout) -> HostAndSegment:
    """Compute one metric's statistics over the rows that are not capped, and its support over all rows.

    Parameters
    ----------
    column : array of float64
        The metric over the horizon's rows, group by group; a missing value is infinity. Overwritten.
    capped : CappedRows
        The capped rows of the horizon.
    """
    offsets, firsts = horizon.host_offsets, horizon.segment_groups[:-1]
    present = np.isfinite(column.take(capped.rows, mode="clip"))
    # Infinity sorts after every value: capped and missing rows stay in their group, after its `counts` first values.
    column[capped.rows] = np.inf
    sort_groups(column, offsets)
    counts = finite_counts(column, offsets)
    capped_counts = capped.counts if present.all() else np.bincount(capped.groups[present], minlength=len(counts))
    support = counts + capped_counts
    host = order_statistics(column, offsets[:-1], counts)
    # The hosts of a segment lie side by side.
    if is_selection_faster(len(column), len(counts), len(firsts)):
        segment = pooled_statistics(column, offsets, counts, horizon.segment_groups)
    else:
        pooled = offsets[horizon.segment_groups]
        sort_groups(column, pooled)
        segment = order_statistics(column, pooled[:-1], np.add.reduceat(counts, firsts))
    return HostAndSegment(MetricStatistics(host, support), MetricStatistics(segment, np.add.reduceat(support, firsts)))
