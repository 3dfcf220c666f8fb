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
from ndr.contract.time import SLICE_MICROSECONDS
from ndr.jobs.deltas.grouping import packed
from ndr.jobs.ordered_texts import OrderedTexts
from ndr.jobs.published_slices import PublishedSlices
from ndr.jobs.regularity.autocorrelation import Floats, Ints, best_autocorrelation
from ndr.store.schema import ARROW_TYPES

KEY: Final = ("src_ip", "dst_ip", "dst_port")

MIN_SLICES: Final = 3
"""Active slices from which on a pair has an autocorrelation: two of them repeat nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class PairSlices:
    """Slices of pairs, a row for each pair and slice with a flow.

    Attributes
    ----------
    pair : int64[n]
        Number of the pair, ascending.
    number : int64[n]
        Number of the slice, counted from the epoch, ascending within a pair.
    allowed : int64[n]
        Sessions that were allowed.
    volume : int64[n]
        Bytes, both ways.
    """

    pair: Ints
    number: Ints
    allowed: Ints
    volume: Ints

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> PairSlices:
        """Return some of the rows."""
        return PairSlices(self.pair[rows], self.number[rows], self.allowed[rows], self.volume[rows])


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
    changes = np.diff(key[order], prepend=-1) != 0
    slices = PairSlices(
        np.cumsum(changes) - 1,
        began[order] // SLICE_MICROSECONDS,
        pair_counts["allow_cnt"].to_numpy()[order],
        (pair_counts["src_bytes_sum"].to_numpy() + pair_counts["dst_bytes_sum"].to_numpy())[order],
    )
    pairs = pair_counts.select(KEY).take(pa.array(order[changes]))
    columns = regularity(slices, len(pairs), published)
    for name in columns.column_names:
        pairs = pairs.append_column(name, columns[name])
    return pairs


def regularity(slices: PairSlices, pairs: int, published: PublishedSlices) -> pa.Table:
    """Return the regularity of pairs over the published slices of a span.

    Parameters
    ----------
    slices : PairSlices
        Of the pairs 0 to `pairs` - 1; slices outside the published ones are left out.
    pairs : int
    published : PublishedSlices
        The span.

    Returns
    -------
    pa.Table
        REGULARITY, a row for each pair. Memory is bounded by a few columns of the slices and a block of transforms.

    Notes
    -----
    The coefficient of variation is the population standard deviation over the mean (Pearson 1896), over the active
    slices; 0 is a machine. `best_autocorrelation` has its formula in the module of that name.
    """
    slices = _active(slices, published)
    counts = np.bincount(slices.pair, minlength=pairs)
    starts = np.cumsum(counts) - counts
    repeated = counts >= MIN_SLICES
    best, lag = np.full((2, pairs), np.nan)
    best[repeated], lag[repeated] = best_autocorrelation(
        starts[repeated], counts[repeated], slices.number - published.first, slices.allowed, published.published
    )
    values = (
        counts / max(1, published.count),
        _variation(slices.allowed, starts, counts),
        _variation(slices.volume, starts, counts),
        best,
        lag,
        *_positions(slices, starts, counts, published),
    )
    return pa.table({column.name: _column(column, of) for column, of in zip(REGULARITY, values, strict=True)})


def _column(column: Column, values: Floats | Ints) -> pa.Array:
    """Return values as the column's type, null for NaN."""
    return pa.array(values, from_pandas=True).cast(ARROW_TYPES[column.type])


def _active(slices: PairSlices, published: PublishedSlices) -> PairSlices:
    """Return the slices of the span that were published and have an allowed session."""
    place = slices.number - published.first
    inside = (place >= 0) & (place < len(published.published)) & (slices.allowed > 0)
    if not inside.all():
        slices, place = slices.take(inside), place[inside]
    seen = published.published[place]
    return slices if seen.all() else slices.take(seen)


def _variation(values: Ints, starts: Ints, counts: Ints) -> Floats:
    """Return the coefficient of variation of each pair; NaN for fewer than two values, and for a mean of 0."""
    variation = np.full(len(counts), np.nan)
    some = np.flatnonzero(counts > 0)
    if not len(some):
        return variation
    own, starts = counts[some], starts[some]
    mean = np.add.reduceat(values, starts, dtype=np.float64) / own
    deviation = values - np.repeat(mean, own)
    deviation *= deviation
    spread = np.sqrt(np.add.reduceat(deviation, starts) / own)
    told = (own > 1) & (mean > 0)
    variation[some[told]] = spread[told] / mean[told]
    return variation


def _positions(
    slices: PairSlices, starts: Ints, counts: Ints, published: PublishedSlices
) -> tuple[Ints, Floats, Floats]:
    """Return the longest run, the variation of the gaps and the share of the span from first to last active slice.

    Positions are counted in published slices.
    """
    longest, span = np.zeros((2, len(counts)), np.int64)
    position = np.cumsum(published.published)[slices.number - published.first]
    steps, same = np.diff(position), np.diff(slices.pair) == 0
    variation = _variation(steps[same], *_gaps(counts))
    some = counts > 0
    if len(position):
        span[some] = position[(starts + counts - 1)[some]] - position[starts[some]] + 1
        runs = np.flatnonzero(np.concatenate(([True], (steps != 1) | ~same)))
        np.maximum.at(longest, slices.pair[runs], np.diff(runs, append=len(position)))
    return longest, variation, span / max(1, published.count)


def _gaps(counts: Ints) -> tuple[Ints, Ints]:
    """Return where the gaps between the slices of each pair start, and how many these are."""
    gaps = np.maximum(counts - 1, 0)
    return np.cumsum(gaps) - gaps, gaps
