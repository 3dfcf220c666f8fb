"""The slices of pairs, for their regularity over the last days of each baseline.

Pair counts are merged by day for everything else. Slices are kept beside them, where a baseline asks for regularity,
in columns as narrow as the values allow: a slice takes 8 bytes or so, and only as much as a block of pairs is sorted
and computed at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.contract.time import SLICE_MICROSECONDS, Interval
from ndr.jobs.published_slices import PublishedSlices
from ndr.jobs.regularity import PairSlices, regularity

REGULARITY_SPAN: Final = timedelta(days=7)
"""How much of a baseline's end its regularity looks at."""

_BLOCK_SLICES: Final = 1 << 20

Ints = NDArray[np.int64]
Narrow = NDArray[np.unsignedinteger[Any]]


def regularity_span(interval: Interval) -> Interval:
    """Return the part of a baseline's interval that its regularity looks at."""
    return Interval(max(interval.start, interval.end - REGULARITY_SPAN), interval.end)


@dataclass(frozen=True, slots=True, eq=False)
class SliceColumns:
    """Number, allowed sessions and bytes of slices, as narrow as their values allow."""

    number: Narrow
    allowed: Narrow
    volume: Narrow

    @classmethod
    def joined(cls, parts: Sequence[SliceColumns]) -> SliceColumns:
        """Return the slices of all parts, one part after the other."""
        none = cls(*[np.zeros(0, np.uint8)] * 3)
        columns = zip(*((each.number, each.allowed, each.volume) for each in (none, *parts)), strict=True)
        return cls(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True, slots=True, eq=False)
class SliceFilter:
    """Which slices some baseline's regularity looks at: `wanted[i]` is that of slice `first` + i."""

    first: int
    wanted: NDArray[np.bool_]

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> SliceFilter:
        spans = [regularity_span(each) for each in intervals]
        if not spans:
            return cls(0, np.zeros(0, bool))
        whole = Interval(min(each.start for each in spans), max(each.end for each in spans))
        marked = PublishedSlices.of(spans, whole)
        return cls(marked.first, marked.published)

    def slices_of(self, began: Ints, totals: Ints) -> tuple[SliceColumns, NDArray[np.bool_]]:
        """Return the wanted slices that have an allowed session, and which rows these are.

        Parameters
        ----------
        began : int64[n]
            Slice starts, microseconds since the epoch.
        totals : int64[5, n]
            Sessions, allowed and denied ones, bytes of the source and of the destination.
        """
        number = began // SLICE_MICROSECONDS
        kept = (totals[1] > 0) & (number >= self.first) & (number < self.first + len(self.wanted))
        kept[kept] = self.wanted[number[kept] - self.first]
        return SliceColumns(*(_narrow(each[kept]) for each in (number, totals[1], totals[3] + totals[4]))), kept


def _narrow(values: Ints) -> Narrow:
    narrow: Narrow = values.astype(np.min_scalar_type(int(values.max(initial=0))))
    return narrow


@dataclass(frozen=True, slots=True, eq=False)
class PairSliceRows:
    """Slices of pairs, in runs that are ordered by pair and time.

    Attributes
    ----------
    pair, first, start, count : int64[n]
        Pair, first slice's start (microseconds since the epoch), and place and number of slices of each run.
    slices : SliceColumns
    """

    pair: Ints
    first: Ints
    start: Ints
    count: Ints
    slices: SliceColumns

    @classmethod
    def of(cls, order: Ints, pair: Ints, first: Ints, counts: Ints, slices: SliceColumns) -> PairSliceRows:
        """Keep the runs that have slices; `pair` and `first` are in the order `order` already."""
        some = counts[order] > 0
        starts = (np.cumsum(counts) - counts)[order]
        return cls(pair[some], first[some], starts[some], counts[order][some], slices)

    def regularity(self, pairs: Ints, published: PublishedSlices) -> pa.Table:
        """Return REGULARITY over a span for the pairs with these numbers, which are ascending."""
        begin = published.first * SLICE_MICROSECONDS
        end = begin + len(published.published) * SLICE_MICROSECONDS
        rows = np.flatnonzero((self.first >= begin) & (self.first < end))
        of_row = np.searchsorted(pairs, self.pair[rows])
        blocks = list(self._blocks(rows, of_row, len(pairs)))
        return pa.concat_tables(
            regularity(self._slices(rows[part], of_row[part] - low), high - low, published)
            for part, low, high in blocks
        )

    def _blocks(self, rows: Ints, of_row: Ints, pairs: int) -> Iterator[tuple[slice, int, int]]:
        """Cut rows between pairs so that the slices of each part fit a block: the rows, and its first and end pair."""
        filled = np.cumsum(self.count[rows]) // _BLOCK_SLICES
        low, begin = 0, 0
        for cut in np.flatnonzero(np.diff(filled)).tolist():
            high = int(of_row[cut])
            if high > low:
                stop = int(np.searchsorted(of_row, high))
                yield slice(begin, stop), low, high
                low, begin = high, stop
        yield slice(begin, len(rows)), low, pairs

    def _slices(self, rows: Ints, pair: Ints) -> PairSlices:
        counts = self.count[rows]
        shift = self.start[rows] - (np.cumsum(counts) - counts)
        places = np.arange(int(counts.sum())) + np.repeat(shift, counts)
        columns = (self.slices.number, self.slices.allowed, self.slices.volume)
        number, allowed, volume = (column[places].astype(np.int64) for column in columns)
        found = PairSlices(np.repeat(pair, counts), number, allowed, volume)
        # Runs of one pair are apart in time, unless a slice between them was published by itself.
        is_ordered = np.all((np.diff(found.pair) > 0) | (np.diff(number) > 0))
        return found if is_ordered else found.take(np.lexsort((number, found.pair)))
