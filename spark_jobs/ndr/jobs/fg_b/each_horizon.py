"""Strategies for the statistics of several horizons, and the one that sorts the rows of each horizon by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ndr.jobs.fg_b.baseline_tables import HostAndSegment, MetricStatistics
from ndr.jobs.fg_b.capping import BY_HOST, BY_SEGMENT, CappedRows, anomalous_rows_of
from ndr.jobs.fg_b.disjoint_windows import DisjointWindows, window_lengths
from ndr.jobs.fg_b.layout import HorizonLayout, RowLayout
from ndr.jobs.fg_b.order_statistics import Floats, Ints
from ndr.jobs.fg_b.selection import SortedRuns

# The anomalous rows, as a strategy stores them; marks of several key metrics are combined by a bitwise or.
Marks = NDArray[Any]


@dataclass(frozen=True, slots=True)
class CappedCounts:
    """How many rows of each host group, and of each segment group, are capped."""

    host: Ints
    segment: Ints


class Strategy(Protocol):
    """How to compute all horizons from laid-out columns. Thread-safe."""

    def unmarked(self) -> list[Marks]:
        """Return marks without any row."""

    def anomalous(self, column: Floats, limit: float) -> list[Marks]:
        """Mark the rows that a key metric puts far outside their host group or their segment group."""

    def capped(self, marks: list[Marks]) -> CappedStrategy:
        """Return the strategy with the marked rows capped, except in groups that would lose too many."""


class CappedStrategy(Protocol):
    """A strategy whose anomalous rows are capped: they count in no percentile and no MAD."""

    @property
    def capped_counts(self) -> list[CappedCounts]:
        """For each horizon, the capped rows."""

    def statistics(self, column: Floats, with_zeros: bool) -> list[HostAndSegment]:
        """Compute a metric's statistics for each horizon; the column is overwritten.

        Parameters
        ----------
        with_zeros : bool
            Whether to compute the percentile over all published windows too.
        """


@dataclass(frozen=True, slots=True)
class EachHorizon:
    """The fastest strategy for a few horizons: each takes its rows and sorts them.

    Attributes
    ----------
    horizons : sequence of HorizonLayout
    rows : sequence of array or None
        The numbers of each horizon's rows among the laid-out ones; None where it has all of them.
    windows : sequence of DisjointWindows
    """

    horizons: Sequence[HorizonLayout]
    rows: Sequence[Ints | None]
    windows: Sequence[DisjointWindows]

    @classmethod
    def of(cls, layout: RowLayout, horizons: Sequence[HorizonLayout]) -> EachHorizon:
        numbers, ends = [each.row_numbers() for each in horizons], layout.row_ends
        windows = [
            DisjointWindows(_taken(ends, rows), each.host_offsets, window_lengths(each.host_columns["window_label"]))
            for each, rows in zip(horizons, numbers, strict=True)
        ]
        return cls(horizons, numbers, windows)

    def unmarked(self) -> list[Marks]:
        return [np.zeros(horizon.host_offsets[-1], np.uint8) for horizon in self.horizons]

    def anomalous(self, column: Floats, limit: float) -> list[Marks]:
        return [
            marks_of(_taken(column, rows), horizon, limit)
            for horizon, rows in zip(self.horizons, self.rows, strict=True)
        ]

    def capped(self, marks: list[Marks]) -> CappedHorizons:
        pairs = list(zip(marks, self.horizons, strict=True))
        by_host = [CappedRows.of(marked & BY_HOST > 0, host_runs(each)) for marked, each in pairs]
        by_segment = [CappedRows.of(marked & BY_SEGMENT > 0, segment_runs(each)) for marked, each in pairs]
        return CappedHorizons(self, by_host, by_segment)


@dataclass(frozen=True, slots=True)
class CappedHorizons:
    """Horizons, and the capped rows of each."""

    each: EachHorizon
    by_host: list[CappedRows]
    by_segment: list[CappedRows]

    @property
    def capped_counts(self) -> list[CappedCounts]:
        pairs = zip(self.by_host, self.by_segment, strict=True)
        return [CappedCounts(host.counts, segment.counts) for host, segment in pairs]

    def statistics(self, column: Floats, with_zeros: bool) -> list[HostAndSegment]:
        each, found = self.each, []
        for number, horizon in enumerate(each.horizons):
            rows = _taken(column, each.rows[number])
            # The last horizon may have the column for itself.
            rows = rows.copy() if rows is column and number < len(each.horizons) - 1 else rows
            capped = self.by_host[number], self.by_segment[number]
            found.append(metric_statistics(rows, *capped, horizon, each.windows[number], with_zeros))
        return found


def _taken(column: NDArray[Any], rows: Ints | None) -> NDArray[Any]:
    # The mode spares a look at the numbers before they are used.
    return column if rows is None else column.take(rows, mode="clip")


def host_runs(horizon: HorizonLayout) -> SortedRuns:
    return SortedRuns.of(horizon.host_offsets)


def segment_runs(horizon: HorizonLayout) -> SortedRuns:
    """Return the runs of the segments: those of their hosts, which lie side by side, or all of a segment as one."""
    return SortedRuns.of(horizon.host_offsets, horizon.segment_groups)


def marks_of(column: Floats, horizon: HorizonLayout, limit: float) -> NDArray[np.uint8]:
    """Mark the rows of a key metric that are far from the median of their host group (bit BY_HOST) or of their
    segment group (BY_SEGMENT)."""
    by_host, by_segment = anomalous_rows_of(column, [host_runs(horizon), segment_runs(horizon)], limit)
    return by_host * BY_HOST | by_segment * BY_SEGMENT


def metric_statistics(
    column: Floats,
    by_host: CappedRows,
    by_segment: CappedRows,
    horizon: HorizonLayout,
    windows: DisjointWindows,
    with_zeros: bool,
) -> HostAndSegment:
    """Compute one metric's statistics over the rows that are not capped, and its support over all rows.

    Parameters
    ----------
    column : array of float64
        The metric over the horizon's rows, group by group; a missing value is infinity. Overwritten.
    by_host, by_segment : CappedRows
        The capped rows of the horizon, for the hosts' statistics and for the segments'.
    """
    support = windows.with_value(column)
    host = by_host.statistics(column.copy(), horizon.host_zeros if with_zeros else None)
    segment = by_segment.statistics(column, horizon.segment_zeros if with_zeros else None)
    return HostAndSegment(MetricStatistics(host, support), MetricStatistics(segment, horizon.per_segment(support)))
