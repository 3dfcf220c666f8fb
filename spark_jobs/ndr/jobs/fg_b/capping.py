"""Anomaly capping: the rows that a key metric puts far outside their group.

Rows are judged twice: for the host's statistics by the median and MAD of the host's group, for the segment's by those
of the segment's. So a busy host keeps its ordinary rows, which the segment may leave out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ndr.jobs.fg_b.order_statistics import Floats, Ints, OrderStatistics
from ndr.jobs.fg_b.selection import SortedRuns

# A group that would lose more than one row in so many is not capped: that many are not anomalies.
SPARED_FROM = 5
BY_HOST, BY_SEGMENT = np.uint8(1), np.uint8(2)
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class CappedRows:
    """The capped rows of host groups or of segment groups, ascending; the group of each of them.

    `runs` says where each group starts and how it is sorted, `counts` how many rows of it are capped.
    """

    rows: Ints
    groups: Ints
    runs: SortedRuns
    counts: Ints

    @classmethod
    def of(cls, marked: NDArray[np.bool_], runs: SortedRuns) -> CappedRows:
        """Cap the marked rows, except those of groups that would lose too many."""
        rows, offsets = np.flatnonzero(marked), runs.bounds
        groups = np.searchsorted(offsets, rows, side="right") - 1
        counts = np.bincount(groups, minlength=len(offsets) - 1)
        is_spared = counts * SPARED_FROM > np.diff(offsets)
        if is_spared.any():
            is_kept = ~is_spared[groups]
            rows, groups, counts = rows[is_kept], groups[is_kept], np.where(is_spared, 0, counts)
        return cls(rows, groups, runs, counts)

    def statistics(self, column: Floats, zeros: Ints | None) -> OrderStatistics:
        """Compute a metric's statistics of each group over the rows that are not capped.

        Where all rows with a value are capped, since no other row has one, none of them is.

        Parameters
        ----------
        column : array of float64
            The metric, group by group; a missing value is infinity. Overwritten.
        zeros : array of int64, optional
            As in `order_statistics`.
        """
        # Infinity sorts after every value: capped and missing rows stay in their group, after its first values.
        values = column.take(self.rows, mode="clip")
        column[self.rows] = np.inf
        self.runs.sort(column)
        counts = self.runs.counts(column)
        given_back = np.flatnonzero(np.isfinite(values) & (self.runs.of_groups(counts)[self.groups] == 0))
        if len(given_back):
            column[self.rows[given_back]] = values[given_back]  # all of the group is infinity
            self.runs.sort(column)
            counts = self.runs.counts(column)
        return self.runs.statistics(column, counts, zeros)


def anomalous_rows(column: Floats, offsets: Ints, limit: float) -> NDArray[np.bool_]:
    """Mark the rows with |x - median| / MAD of their group above `limit`.

    A group whose MAD is 0 marks nothing: most of its values are equal, and every busy slice would be an anomaly.
    A missing value marks nothing. The column is left as it is.
    """
    (marked,) = anomalous_rows_of(column, [SortedRuns.of(offsets)], limit)
    return marked


def anomalous_rows_of(column: Floats, groupings: Sequence[SortedRuns], limit: float) -> list[NDArray[np.bool_]]:
    """Mark the anomalous rows by each of several groupings; a group of one lies in a group of the next."""
    missing = ~np.isfinite(column)
    is_complete = not missing.any()
    ranked = column.copy() if is_complete else np.where(missing, np.inf, column)
    found: list[NDArray[np.bool_]] = []
    for number, runs in enumerate(groupings):
        if not number or runs.offsets is not groupings[number - 1].offsets:
            runs.sort(ranked)
        marked = _far_rows(column, runs.bounds, runs.statistics(ranked, runs.counts(ranked)), limit)
        found.append(marked if is_complete else marked & ~missing)
    return found


def _far_rows(column: Floats, offsets: Ints, statistics: OrderStatistics, limit: float) -> NDArray[np.bool_]:
    marked = np.zeros(len(column), bool)
    scale = np.where(statistics.mad > 0, statistics.mad, np.inf)
    sizes, first = np.diff(offsets), 0
    while first < len(sizes):
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + _BLOCK, side="right")) - 1)
        groups, rows = slice(first, last), slice(offsets[first], offsets[last])
        deviation = np.repeat(statistics.median[groups], sizes[groups])
        np.subtract(column[rows], deviation, out=deviation)
        np.abs(deviation, out=deviation)
        with np.errstate(invalid="ignore"):
            deviation /= np.repeat(scale[groups], sizes[groups])
        np.greater(deviation, limit, out=marked[rows])
        first = last
    return marked
