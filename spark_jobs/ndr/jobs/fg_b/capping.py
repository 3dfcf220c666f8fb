"""Anomaly capping: the rows that a key metric puts far outside their segment group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ndr.jobs.fg_b.order_statistics import Floats, Ints, order_statistics, sort_groups

_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class CappedRows:
    """The capped rows of a horizon, ascending; the host group of each; the capped and the other rows of a group."""

    rows: Ints
    groups: Ints
    counts: Ints
    kept_counts: Ints

    @classmethod
    def of(cls, marked: NDArray[np.bool_], offsets: Ints) -> CappedRows:
        rows = np.flatnonzero(marked)
        groups = np.searchsorted(offsets, rows, side="right") - 1
        counts = np.bincount(groups, minlength=len(offsets) - 1)
        return cls(rows, groups, counts, np.diff(offsets) - counts)


def anomalous_rows(column: Floats, segment_offsets: Ints, limit: float) -> NDArray[np.bool_]:
    """Mark the rows of a key metric with |x - median| / MAD of their segment group above `limit`.

    A group whose MAD is 0 marks nothing: most of its values are equal, and every busy slice would be an anomaly.
    A missing value marks nothing.
    """
    missing = ~np.isfinite(column)
    pooled = np.where(missing, np.inf, column)
    sort_groups(pooled, segment_offsets)
    statistics = order_statistics(pooled, segment_offsets[:-1], count_unmarked(missing, segment_offsets))
    del pooled
    marked = np.zeros(len(column), bool)
    for group in np.flatnonzero(statistics.mad > 0):
        median, mad = statistics.median[group], statistics.mad[group]
        for start in range(segment_offsets[group], segment_offsets[group + 1], _BLOCK):
            block = slice(start, min(start + _BLOCK, segment_offsets[group + 1]))
            marked[block] = np.abs(column[block] - median) / mad > limit
    marked &= ~missing
    return marked


def count_unmarked(marks: NDArray[np.bool_], offsets: Ints) -> Ints:
    """Count the values of each group that are not marked; marks are expected to be few."""
    groups = np.searchsorted(offsets, np.flatnonzero(marks), side="right") - 1
    return np.diff(offsets) - np.bincount(groups, minlength=len(offsets) - 1)
