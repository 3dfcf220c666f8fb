"""Exact order statistics of many groups at once: sort each group in place, then read ranks.

A column is one float64 array in which the values of a group lie side by side; `offsets` (groups + 1 of them) says
where each group starts. After one sort, percentiles are look-ups and the MAD is a search in O(log n).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PERCENTS = (25, 50, 75, 95, 99)
WITH_ZEROS = 95
"""The percentile that is also computed together with zeros."""

# Below this size the call of a sort costs more than the sort: such groups are sorted as rows of one matrix.
_MATRIX_SIZE = 64
_MATRIX_CELLS = 1 << 18


@dataclass(frozen=True, slots=True)
class OrderStatistics:
    """Statistics of every group: `percentiles` of shape (5, groups) in the order of PERCENTS, `mad` of (groups,).

    `p95_all`, of (groups,), is the 95th percentile together with the zeros of the group, where these were given. An
    empty group holds NaN.
    """

    percentiles: Floats
    mad: Floats
    p95_all: Floats | None = None

    @property
    def median(self) -> Floats:
        return self.percentiles[PERCENTS.index(50)]


def sort_groups(values: Floats, offsets: Ints) -> None:
    """Sort each group of `values` in place."""
    sizes = np.diff(offsets)
    large = np.flatnonzero(sizes > _MATRIX_SIZE)
    # Neighbours of one size are the rows of a matrix as they are.
    firsts = np.flatnonzero((np.diff(large, prepend=-2) != 1) | (np.diff(sizes[large], prepend=0) != 0))
    for group, groups in zip(large[firsts].tolist(), np.diff(firsts, append=len(large)).tolist(), strict=True):
        values[offsets[group] : offsets[group + groups]].reshape(groups, -1).sort(axis=1)
    width = 2
    while width <= _MATRIX_SIZE:
        members = np.flatnonzero((sizes > width // 2) & (sizes <= width))
        rows = max(1, _MATRIX_CELLS // width)
        for start in range(0, len(members), rows):
            _sort_as_matrix(values, offsets[members[start : start + rows]], sizes[members[start : start + rows]], width)
        width *= 2


def _sort_as_matrix(values: Floats, starts: Ints, sizes: Ints, width: int) -> None:
    """Sort groups of at most `width` values as rows of one matrix, padded with infinities."""
    cells = starts[:, None] + np.arange(width)
    used = np.arange(width) < sizes[:, None]
    matrix = np.full(cells.shape, np.inf)
    places = cells[used]
    matrix[used] = values[places]
    matrix.sort(axis=1)
    values[places] = matrix[used]


def finite_counts(values: Floats, offsets: Ints) -> Ints:
    """Count the finite values of each group; they come first, in a sorted group without negative infinity or NaN."""
    counts = np.diff(offsets)
    unsure = np.flatnonzero(counts)
    unsure = unsure[np.isinf(values[offsets[1:][unsure] - 1])]
    low, high = offsets[unsure], offsets[unsure + 1] - 1
    while np.any(low < high):
        middle = (low + high) // 2
        finite = np.isfinite(values[middle]) & (low < high)
        low, high = np.where(finite, middle + 1, low), np.where(finite, high, middle)
    counts[unsure] = low - offsets[unsure]
    return counts


def order_statistics(values: Floats, starts: Ints, counts: Ints, zeros: Ints | None = None) -> OrderStatistics:
    """Return percentiles and MAD of every group of a sorted column.

    Parameters
    ----------
    values : array of float64
        Finite values, ascending within each group (see `sort_groups`).
    starts, counts : arrays of int64
        Where each group starts, and how many values it has.
    zeros : array of int64, optional
        How many zeros to put before the values of each group, none of which is negative, for `p95_all`.

    Notes
    -----
    Percentiles are linear between ranks (Hyndman & Fan 1996, type 7), in numpy's own arithmetic, so that they equal
    `numpy.percentile` bit for bit. The MAD is the median of |x - median|, by the same rule.
    """
    filled = np.flatnonzero(counts)
    percentiles = np.full((len(PERCENTS), len(counts)), np.nan)
    mad = np.full(len(counts), np.nan)
    starts, counts = starts[filled], counts[filled]
    for row, percent in enumerate(PERCENTS):
        lower, upper, weight = ranks(counts, percent)
        percentiles[row, filled] = between(values[starts + lower], values[starts + upper], weight)
    mad[filled] = _median_deviation(values, starts, counts, percentiles[PERCENTS.index(50), filled])
    if zeros is None:
        return OrderStatistics(percentiles, mad)
    p95_all = np.full(len(zeros), np.nan)
    lower, upper, weight = ranks_after_zeros(counts, zeros[filled])
    low, high = (np.where(rank < 0, 0.0, values[starts + np.maximum(rank, 0)]) for rank in (lower, upper))
    p95_all[filled] = between(low, high, weight)
    return OrderStatistics(percentiles, mad, p95_all)


def ranks(counts: Ints, percent: int) -> tuple[Ints, Ints, Floats]:
    """Return the two ranks that a percentile lies between, and its place between them."""
    place = (counts - 1) * np.true_divide(percent, 100)
    lower = np.floor(place).astype(np.int64)
    return lower, np.minimum(lower + 1, counts - 1), place - lower


def ranks_after_zeros(counts: Ints, zeros: Ints) -> tuple[Ints, Ints, Floats]:
    """Return what `ranks` does for WITH_ZEROS of the zeros and the values after them.

    The ranks are those among the values alone; a negative one means 0.
    """
    lower, upper, weight = ranks(counts + zeros, WITH_ZEROS)
    return lower - zeros, upper - zeros, weight


def between(lower: Floats, upper: Floats, weight: Floats) -> Floats:
    """Interpolate from the nearer end, as numpy does: exact at both ends and monotonic."""
    gap = upper - lower
    return np.where(weight >= 0.5, upper - gap * (1 - weight), lower + gap * weight)


def _median_deviation(values: Floats, starts: Ints, counts: Ints, medians: Floats) -> Floats:
    """Return the median of |x - median| of every sorted, non-empty group.

    Around the median a sorted group is two ascending runs of deviations, one to each side; the wanted ranks of their
    union are found by bisecting how many of the smallest deviations lie to the left.
    """
    middle, _, weight = ranks(counts, 50)
    left_size, right_size = middle + 1, counts - middle - 1
    last_left = starts + middle

    def left(rank: Ints) -> Floats:
        inside = rank < left_size
        deviation = np.abs(values[last_left - np.where(inside, rank, 0)] - medians)
        return np.where(inside, deviation, np.inf)

    def right(rank: Ints) -> Floats:
        inside = rank < right_size
        deviation = np.abs(values[last_left + np.where(inside, rank + 1, 0)] - medians)
        return np.where(inside, deviation, np.inf)

    low, high = np.maximum(0, middle - right_size), np.minimum(middle, left_size)
    while np.any(low < high):
        taken = (low + high) // 2
        from_left = (low < high) & (left(taken) < right(np.maximum(middle - taken - 1, 0)))
        low, high = np.where(from_left, taken + 1, low), np.where(from_left, high, np.minimum(high, taken))
    on_left, on_right = left(low), right(middle - low)
    lower = np.minimum(on_left, on_right)
    left_first = on_left <= on_right
    upper = np.minimum(left(low + left_first), right(middle - low + ~left_first))
    return between(lower, np.where(weight > 0, upper, lower), weight)
