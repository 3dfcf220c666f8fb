"""Strategies for the statistics of several horizons, and the one that sorts the rows of each horizon by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ndr.jobs.fg_b.baseline_tables import HostAndSegment, MetricStatistics
from ndr.jobs.fg_b.capping import CappedRows, anomalous_rows, count_unmarked
from ndr.jobs.fg_b.layout import HorizonLayout
from ndr.jobs.fg_b.order_statistics import Floats, Ints, order_statistics, sort_groups

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
        """Compute a metric's statistics for each horizon."""


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
        return CappedHorizons(
            self.horizons, [CappedRows(rows, count_unmarked(rows, horizon.host_offsets)) for rows, horizon in pairs]
        )


@dataclass(frozen=True, slots=True)
class CappedHorizons:
    """Horizons, and the capped rows of each."""

    horizons: Sequence[HorizonLayout]
    capped: list[CappedRows]

    @property
    def kept_counts(self) -> list[Ints]:
        return [capped.kept_counts for capped in self.capped]

    def statistics(self, column: Floats) -> list[HostAndSegment]:
        pairs = zip(self.horizons, self.capped, strict=True)
        return [metric_statistics(horizon.take(column), capped, horizon) for horizon, capped in pairs]


def metric_statistics(column: Floats, capped: CappedRows, horizon: HorizonLayout) -> HostAndSegment:
    """Compute one metric's statistics over the rows that are not capped, and its support over all rows.

    Parameters
    ----------
    column : array of float64
        The metric over the horizon's rows, group by group; a value that is not finite is missing.
    capped : CappedRows
        The capped rows of the horizon.
    """
    offsets, segment_groups = horizon.host_offsets, horizon.segment_groups
    excluded = ~np.isfinite(column)
    support, counts = np.diff(offsets), capped.kept_counts
    if excluded.any():
        support = count_unmarked(excluded, offsets)
        excluded |= capped.rows
        counts = count_unmarked(excluded, offsets)
    else:
        excluded = capped.rows
    # Infinity sorts after every value: excluded rows stay in their group, after its `counts` first values.
    values = np.where(excluded, np.inf, column)
    sort_groups(values, offsets)
    host = order_statistics(values, offsets[:-1], counts)
    # The hosts of a segment lie side by side: the same array, sorted over longer groups, serves the segments.
    pooled = offsets[segment_groups]
    sort_groups(values, pooled)
    segment = order_statistics(values, pooled[:-1], np.add.reduceat(counts, segment_groups[:-1]))
    segment_support = np.add.reduceat(support, segment_groups[:-1])
    return HostAndSegment(MetricStatistics(host, support), MetricStatistics(segment, segment_support))
