"""Regularity of pairs: how much of the published time a pair is active, how even and how periodic it is then.

A slice is active when it has an allowed session of the pair: a refused connection is an attempt, and attempts of
scanners are the most regular traffic there is. A slice that was not published is left out of the span: it is neither
silent nor active, and a run goes on behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.contract.datasets import REGULARITY, Column
from ndr.contract.time import SLICE_MICROSECONDS, SLICES_PER_DAY
from ndr.jobs.deltas.grouping import packed
from ndr.jobs.ordered_texts import OrderedTexts
from ndr.jobs.published_slices import PublishedSlices
from ndr.jobs.regularity.autocorrelation import best_autocorrelation
from ndr.jobs.regularity.day_activity import DayActivity, Floats, Ints, Moments
from ndr.jobs.regularity.runs import RunRows
from ndr.store.schema import ARROW_TYPES

KEY: Final = ("src_ip", "dst_ip", "dst_port")
VALUES: Final = ("allow_cnt", "src_bytes_sum", "dst_bytes_sum")

MIN_SLICES: Final = 3
"""Active slices from which on a pair has an autocorrelation: two of them repeat nothing."""

_DECIMALS: Final = 9  # of a variation, so that equal values have none whatever a sum rounds


def pair_regularity(pair_counts: pa.Table, published: PublishedSlices) -> pa.Table:
    """Return the regularity of each pair of pair counts.

    Parameters
    ----------
    pair_counts : pa.Table
        src_ip, dst_ip, dst_port, slice_start, allow_cnt, src_bytes_sum and dst_bytes_sum of PAIR_COUNTS, in any order;
        text plain or as codes. Slices outside the published ones are left out.
    published : PublishedSlices
        The span.

    Returns
    -------
    pa.Table
        src_ip, dst_ip, dst_port and REGULARITY, a row for each pair that pair_counts names, ordered by pair.
    """
    source, destination = (OrderedTexts.of(pair_counts[name]) for name in KEY[:2])
    codes = (source.of_row, destination.of_row, pair_counts[KEY[2]].to_numpy())
    key = packed(codes, (max(1, len(source.texts)), max(1, len(destination.texts)), 1 << 16))
    began = pair_counts["slice_start"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    order = np.lexsort((began, key))
    key, number = key[order], began[order] // SLICE_MICROSECONDS
    allowed, sent, received = (pair_counts[name].to_numpy()[order] for name in VALUES)
    is_active = (allowed > 0) & published.has(number)
    changes = np.diff(key, prepend=-1) != 0
    starts = np.flatnonzero(changes | (np.diff(number // SLICES_PER_DAY, prepend=-1) != 0))
    days = DayActivity.of(number, allowed, sent + received, is_active, starts)
    start = number[starts]
    rows = PairDays.of((np.cumsum(changes) - 1)[starts], start // SLICES_PER_DAY, start, days, published)
    pairs = pair_counts.select(KEY).take(pa.array(order[changes]))
    columns = regularity(rows, len(pairs), published)
    for name in columns.column_names:
        pairs = pairs.append_column(name, columns[name])
    return pairs


@dataclass(frozen=True, slots=True, eq=False)
class PairDays:
    """Activity of pairs by UTC day, or part of one, without the days of no activity.

    Attributes
    ----------
    pair : int64[n]
        Number of the pair.
    start : int64[n]
        A slice of the row, counted from the epoch; rows are ordered by pair and start.
    activity : DayActivity
    runs : RunRows
        The same slices as positions among the published ones.
    """

    pair: Ints
    start: Ints
    activity: DayActivity
    runs: RunRows

    @classmethod
    def of(cls, pair: Ints, part: Ints, start: Ints, activity: DayActivity, published: PublishedSlices) -> PairDays:
        """Put the rows of a pair and part of a day together.

        Parameters
        ----------
        pair, part, start : int64[n]
            Ordered by pair and start; `part` numbers what stays apart, each within a day.
        activity : DayActivity
            Of disjoint slices.
        published : PublishedSlices
            Of all the days.
        """
        begins = np.ones(len(pair), bool)
        begins[1:] = (np.diff(pair) != 0) | (np.diff(part) != 0)
        starts = np.flatnonzero(begins)
        activity = activity.together(starts)
        some = activity.active > 0
        pair, start, activity = pair[starts][some], start[starts][some], activity.take(some)
        return cls(pair, start, activity, RunRows.of(start // SLICES_PER_DAY, activity.bits(), published))

    def of_span(self, pairs: Ints, published: PublishedSlices) -> pa.Table:
        """Return REGULARITY over a span, whose bounds cut no row, of the pairs with these numbers, ascending."""
        end = published.first + len(published.published)
        rows = np.flatnonzero((self.start >= published.first) & (self.start < end))
        place = np.searchsorted(pairs, self.pair[rows])
        own = PairDays(place, self.start[rows], self.activity.take(rows), self.runs.take(rows))
        return regularity(own, len(pairs), published)


def regularity(rows: PairDays, pairs: int, published: PublishedSlices) -> pa.Table:
    """Return the regularity of pairs over the published slices of a span.

    Parameters
    ----------
    rows : PairDays
        Of the pairs 0 to `pairs` - 1, all of them in the span.
    pairs : int
    published : PublishedSlices
        The span.

    Returns
    -------
    pa.Table
        REGULARITY, a row for each pair. Memory is bounded by a few columns of the rows, and the slices of the pairs as
        bits.

    Notes
    -----
    The coefficient of variation is the population standard deviation over the mean (Pearson 1896), over the active
    slices; 0 is a machine. `best_autocorrelation` has its formula in the module of that name.
    """
    starts = np.flatnonzero(np.diff(rows.pair, prepend=-1))
    own = rows.pair[starts]
    counts = np.zeros(pairs, np.int64)
    counts[own] = np.add.reduceat(rows.activity.active, starts) if len(starts) else 0

    def of_pairs(values: Floats | Ints) -> Floats:
        spread = np.full(pairs, np.nan)
        spread[own] = values
        return spread

    variations = (
        of_pairs(_variation(moments.together(rows.activity.active, starts), counts[own]))
        for moments in (rows.activity.sessions, rows.activity.bytes)
    )
    best, lag = np.full((2, pairs), np.nan)
    repeated = np.flatnonzero(counts >= MIN_SLICES)
    best[repeated], lag[repeated] = best_autocorrelation(
        *_bits(rows, repeated, published), span=len(published.published)
    )
    longest, gap_variation, covered = rows.runs.together(rows.pair, starts)
    values = (
        counts / max(1, published.count),
        *variations,
        best,
        lag,
        np.nan_to_num(of_pairs(longest)),
        of_pairs(np.round(gap_variation, _DECIMALS)),
        np.nan_to_num(of_pairs(covered)) / max(1, published.count),
    )
    return pa.table({column.name: _column(column, of) for column, of in zip(REGULARITY, values, strict=True)})


def _column(column: Column, values: Floats | Ints) -> pa.Array:
    """Return values as the column's type, null for NaN."""
    return pa.array(values, from_pandas=True).cast(ARROW_TYPES[column.type])


def _variation(moments: Moments, counts: Ints) -> Floats:
    """Return the coefficient of variation; NaN for fewer than two values, and for a mean of 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        variation = np.round(np.sqrt(moments.squares / counts) / moments.mean, _DECIMALS)
    return np.where((counts > 1) & (moments.mean > 0), variation, np.nan)


def _bits(rows: PairDays, pairs: Ints, published: PublishedSlices) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the active slices of some pairs as bits, a row each, and those that were published, over whole days."""
    first = published.first // SLICES_PER_DAY
    days = -(-(published.first + len(published.published)) // SLICES_PER_DAY) - first
    place = np.searchsorted(pairs, rows.pair)
    wanted = np.flatnonzero(pairs[np.minimum(place, len(pairs) - 1)] == rows.pair) if len(pairs) else place[:0]
    active = np.zeros((len(pairs), days, SLICES_PER_DAY // 8), np.uint8)
    # A day that another span's end cuts has several rows.
    np.bitwise_or.at(
        active, (place[wanted], rows.start[wanted] // SLICES_PER_DAY - first), rows.activity.take(wanted).bits()
    )
    known = np.zeros(days * SLICES_PER_DAY, bool)
    known[published.first - first * SLICES_PER_DAY :][: len(published.published)] = published.published
    return active.reshape(len(pairs), days * SLICES_PER_DAY // 8), np.packbits(known, bitorder="little")
