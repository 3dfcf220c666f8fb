"""Exact order statistics of unions of sorted runs, without sorting the unions.

The values of a segment are those of its hosts, each of which is sorted already. A sample brackets a rank; a search in
each run counts the values below the bracket, and only the values inside it, a few hundred, are sorted. A bracket that
misses its rank is widened to all values: the result is exact, and equal bit for bit to that of sorting.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ndr.jobs.fg_b.order_statistics import (
    PERCENTS,
    Floats,
    Ints,
    OrderStatistics,
    between,
    finite_counts,
    order_statistics,
    ranks,
    ranks_after_zeros,
    sort_groups,
)

# One value in so many is in the sample. The length of a run is hardly ever a multiple of a prime number, so that the
# sampled places differ from run to run, and their errors cancel.
_STRIDE = 31
# Below these numbers of values, on average, sorting is faster.
_LONG_RUN, _LARGE_UNION = 256, 4096


def is_selection_faster(values: int, runs: int, unions: int) -> bool:
    """Tell whether `pooled_statistics` of so many values, runs and unions is faster than sorting the unions."""
    return values >= max(_LONG_RUN * runs, _LARGE_UNION * unions)


def pooled_statistics(
    values: Floats, offsets: Ints, counts: Ints, unions: Ints, zeros: Ints | None = None
) -> OrderStatistics:
    """Return percentiles and MAD of each union of neighbouring runs: `order_statistics` of the sorted unions.

    Parameters
    ----------
    values : array of float64
        Ascending within each run; the finite values come first, then infinity.
    offsets : array of (runs + 1,)
        Where each run starts.
    counts : array of (runs,)
        The finite values of each run.
    unions : array of (unions + 1,)
        The first run of each union, of which none is empty.
    zeros : array of (unions,), optional
        As in `order_statistics`.
    """
    sizes = np.add.reduceat(counts, unions[:-1])
    filled = np.maximum(sizes, 1)
    runs = _Runs(values, offsets[:-1], counts, unions[:-1], np.repeat(np.arange(len(sizes)), np.diff(unions)))
    sample = _Sample.of(values, offsets[unions], np.diff(unions))
    wanted = [ranks(filled, percent) for percent in PERCENTS]
    wanted += [] if zeros is None else [ranks_after_zeros(filled, zeros)]
    lower, upper, weight = (np.stack(each, axis=1) for each in zip(*wanted, strict=True))
    is_zero = [each < 0 for each in (lower, upper)]
    lower, upper = np.maximum(lower, 0), np.maximum(upper, 0)
    found = _selected(runs, runs.within, sample.brackets(lower), lower, upper)
    low, high = (np.where(is_one, 0.0, each) for is_one, each in zip(is_zero, found, strict=True))
    percentiles = between(low, high, weight)
    percentiles[sizes == 0] = np.nan
    middle = PERCENTS.index(50)
    medians = np.where(sizes == 0, 0.0, percentiles[:, middle])
    lower, upper, weight = (each[:, middle : middle + 1] for each in (lower, upper, weight))
    around = runs.around(medians)
    low, high = _selected(runs, around, sample.deviations(medians).brackets(lower), lower, upper)
    mad = between(low, high, weight)[:, 0]
    mad[sizes == 0] = np.nan
    p95_all = None if zeros is None else percentiles[:, -1]
    return OrderStatistics(np.ascontiguousarray(percentiles[:, : len(PERCENTS)].T), mad, p95_all)


@dataclass(frozen=True, slots=True)
class SortedRuns:
    """Groups of neighbouring values, each of them one run that is sorted, or several that are sorted by themselves.

    Attributes
    ----------
    offsets : array of (runs + 1,)
        Where each run starts.
    firsts : array of (groups + 1,)
        The first run of each group.
    """

    offsets: Ints
    firsts: Ints

    @classmethod
    def of(cls, offsets: Ints, firsts: Ints | None = None) -> SortedRuns:
        """Choose the faster way for groups of runs; every run is a group where `firsts` is left out."""
        runs = len(offsets) - 1
        if firsts is None or not is_selection_faster(int(offsets[-1]), runs, len(firsts) - 1):
            bounds = offsets if firsts is None else offsets[firsts]
            return cls(bounds, np.arange(len(bounds)))
        return cls(offsets, firsts)

    @property
    def bounds(self) -> Ints:
        """Where each group starts."""
        return self.offsets[self.firsts]

    def sort(self, values: Floats) -> None:
        """Sort each run in place."""
        sort_groups(values, self.offsets)

    def counts(self, values: Floats) -> Ints:
        """Count the finite values of each run of sorted values."""
        return finite_counts(values, self.offsets)

    def of_groups(self, counts: Ints) -> Ints:
        """Add the counts of the runs of each group up."""
        return np.add.reduceat(counts, self.firsts[:-1]) if len(counts) else counts

    def statistics(self, values: Floats, counts: Ints, zeros: Ints | None = None) -> OrderStatistics:
        """Return the statistics of each group of sorted values; `zeros` as in `order_statistics`."""
        if len(self.firsts) == len(self.offsets):
            return order_statistics(values, self.offsets[:-1], counts, zeros)
        return pooled_statistics(values, self.offsets, counts, self.firsts, zeros)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Every so many values of each union, sorted; a sampled rank is off by up to `margins`, as a rule."""

    values: Floats
    offsets: Ints
    margins: Ints

    @classmethod
    def of(cls, values: Floats, bounds: Ints, runs: Ints) -> _Sample:
        middle = _STRIDE // 2  # of so many values: neither the smallest nor the largest of them
        sizes = (np.diff(bounds) - middle + _STRIDE - 1) // _STRIDE
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        places = np.arange(offsets[-1]) * _STRIDE + np.repeat(bounds[:-1] + middle - offsets[:-1] * _STRIDE, sizes)
        sample = values.take(places, mode="clip")
        sort_groups(sample, offsets)
        # A run, being sorted, is off by less than one sampled value, to either side.
        return cls(sample, offsets, np.sqrt(runs).astype(np.int64) + 2)

    def deviations(self, medians: Floats) -> _Sample:
        """Return the sample of |x - median|."""
        deviations = np.abs(self.values - np.repeat(medians, np.diff(self.offsets)))
        sort_groups(deviations, self.offsets)
        return _Sample(deviations, self.offsets, self.margins)

    def brackets(self, wanted: Ints) -> tuple[Floats, Floats]:
        """Return two values for each rank (unions, ranks), between which its value lies, as a rule."""
        index, margins, first = wanted // _STRIDE, self.margins[:, None], self.offsets[:-1, None]
        last = self.offsets[1:, None] - 1
        low, high = first + index - margins, first + index + 1 + margins
        values = np.append(self.values, np.inf)  # there is something to take, even without a sample
        return (
            np.where(low < first, -np.inf, values.take(np.maximum(low, first), mode="clip")),
            np.where(high > last, np.inf, values.take(np.minimum(high, last), mode="clip")),
        )


@dataclass(frozen=True, slots=True)
class _Inside:
    """What lies between two bounds, for each rank of each union.

    Attributes
    ----------
    below : array of (runs, ranks)
        How many values of each run lie below the lower bound.
    first, stop : arrays of (runs, parts, ranks)
        The values between the bounds: one or two stretches of each run.
    center : array of (unions,) or None
        Deviations from it are meant, not the values themselves.
    """

    below: Ints
    first: Ints
    stop: Ints
    center: Floats | None


Search = Callable[[Floats, Floats], _Inside]


@dataclass(frozen=True, slots=True)
class _Runs:
    """Sorted runs; `unions` holds the first run of each union, `union_of` the union of each run."""

    values: Floats
    starts: Ints
    counts: Ints
    unions: Ints
    union_of: Ints

    def within(self, low: Floats, high: Floats) -> _Inside:
        """Find the values from `low` to `high` (unions, ranks)."""
        low, high = low[self.union_of], high[self.union_of]
        first = self._boundary(self.starts, self.counts, lambda value: value < low)
        stop = self._boundary(self.starts, self.counts, lambda value: value <= high)
        return _Inside(first - self.starts[:, None], first[:, None], stop[:, None], None)

    def around(self, medians: Floats) -> Search:
        """Return how to find the values whose deviation from the median of their union is from `low` to `high`."""
        center = medians[self.union_of][:, None]
        middle = self._boundary(self.starts, self.counts, lambda value: value < center)[:, 0]
        on_left, on_right = middle - self.starts, self.starts + self.counts - middle

        def search(low: Floats, high: Floats) -> _Inside:
            low, high = low[self.union_of], high[self.union_of]
            right = self._boundary(middle, on_right, lambda value: value - center < low)
            right_stop = self._boundary(middle, on_right, lambda value: value - center <= high)
            left = self._boundary(self.starts, on_left, lambda value: center - value > high)
            left_stop = self._boundary(self.starts, on_left, lambda value: center - value >= low)
            parts = np.stack((left, right), axis=1), np.stack((left_stop, right_stop), axis=1)
            return _Inside(right - left_stop, *parts, medians)

        return search

    def _boundary(self, starts: Ints, counts: Ints, is_before: Callable[[Floats], NDArray[np.bool_]]) -> Ints:
        """Return, for each stretch of values, the place after the head that `is_before` holds for, by bisection."""
        place, left = starts[:, None], counts[:, None]
        for _ in range(int(counts.max(initial=0)).bit_length()):
            half = left >> 1
            place = place + half * is_before(self.values.take(place + half - 1, mode="clip"))
            left = left - half
        return place + (left > 0) * is_before(self.values.take(place, mode="clip"))


def _selected(
    runs: _Runs, search: Search, brackets: tuple[Floats, Floats], lower: Ints, upper: Ints
) -> tuple[Floats, Floats]:
    """Return the values of two neighbouring ranks of each union."""
    low, high = brackets
    while True:
        found = search(low, high)
        lengths = found.stop - found.first
        below, inside = (np.add.reduceat(each, runs.unions) for each in (found.below, lengths.sum(axis=1)))
        missed = ((lower < below) | (upper >= below + inside)) & ((low > -np.inf) | (high < np.inf))
        if not missed.any():
            break
        low, high = np.where(missed, -np.inf, low), np.where(missed, np.inf, high)
    # Equal bounds are the value of both ranks; there may be very many of it.
    is_one = low == high
    lengths *= ~is_one[runs.union_of][:, None]
    inside[is_one] = 0
    flat, sizes = lengths.transpose(2, 0, 1).ravel(), inside.T.ravel()
    places = np.arange(flat.sum()) + np.repeat(found.first.transpose(2, 0, 1).ravel() - (np.cumsum(flat) - flat), flat)
    values = runs.values.take(places, mode="clip")
    if found.center is not None:
        values = np.abs(values - np.repeat(np.tile(found.center, lower.shape[1]), sizes))
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    sort_groups(values, offsets)
    values = np.append(values, np.nan)
    chosen = offsets[:-1].reshape(inside.T.shape).T - below
    ends = (values.take(np.minimum(chosen + rank, len(values) - 1)) for rank in (lower, upper))
    first, second = (np.where(is_one, low, each) for each in ends)
    return first, second
