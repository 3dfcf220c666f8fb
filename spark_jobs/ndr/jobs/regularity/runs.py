"""Runs and gaps of active slices, by pair and day, and put together over days.

Positions count published slices only: a run goes on behind a slice that was not published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ndr.contract.time import SLICES_PER_DAY
from ndr.jobs.published_slices import PublishedSlices

_BLOCK = 1 << 14

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RunRows:
    """Active slices of a pair and day.

    Attributes
    ----------
    first, last : int64[n]
        Position of the first and of the last active slice.
    gap_squares : int64[n]
        Sum of the squared steps from one active slice to the next.
    active, head, tail, longest : int64[n]
        Active slices, and length of the first, of the last and of the longest run.
    """

    first: Ints
    last: Ints
    gap_squares: Ints
    active: Ints
    head: Ints
    tail: Ints
    longest: Ints

    @classmethod
    def of(cls, day: Ints, bits: NDArray[np.uint8], published: PublishedSlices) -> RunRows:
        """Find the runs of rows of bits, (n, 12) bytes with a slice or more each, on the given UTC days."""
        position = np.cumsum(published.published, dtype=np.int64)
        columns = np.zeros((7, len(day)), np.int64)
        for at in range(0, len(day), _BLOCK):
            part = slice(at, at + _BLOCK)
            columns[:, part] = _runs(day[part] * SLICES_PER_DAY - published.first, bits[part], position)
        return cls(*columns)

    def take(self, rows: NDArray[Any]) -> RunRows:
        """Return some of the rows."""
        columns = (self.first, self.last, self.gap_squares, self.active, self.head, self.tail, self.longest)
        return RunRows(*(column[rows] for column in columns))

    def together(self, pair: Ints, starts: Ints) -> tuple[Ints, Floats, Ints]:
        """Return for each pair the longest run, the variation of the gaps, and the published slices from its first to
        its last active one.

        Parameters
        ----------
        pair : int64[n]
            Pair of each row.
        starts : int64[pairs]
            First row of each pair.
        """
        if not len(starts):
            return starts, np.zeros(0), starts
        ends = np.append(starts[1:], len(pair)) - 1
        same = pair[1:] == pair[:-1]
        between = np.where(same, self.first[1:] - self.last[:-1], 0)
        squares = self.gap_squares.copy()
        squares[1:] += between * between
        covered = self.last[ends] - self.first[starts] + 1
        gaps = np.add.reduceat(self.active, starts) - 1
        total = covered - 1
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / gaps
            # Whole numbers but for the last step: equal gaps have a variation of exactly 0.
            spread = np.sqrt((gaps * np.add.reduceat(squares, starts) - total * total) / (gaps * gaps))
            variation = np.where(gaps > 1, spread / mean, np.nan)
        return np.maximum.reduceat(self._longest(same & (between == 1)), starts), variation, covered

    def _longest(self, goes_on: NDArray[np.bool_]) -> Ints:
        """Return at each row the longest run that ends in it or lies in it; `goes_on` from each row to the next."""
        is_whole = self.head == self.active
        pieces = np.where(is_whole, 1, 2)
        heads = np.cumsum(pieces) - pieces
        length = np.zeros(int(pieces.sum()), np.int64)
        length[heads] = self.head
        length[(heads + 1)[~is_whole]] = self.tail[~is_whole]
        begins = np.ones(len(length), bool)
        begins[heads[1:]] = ~goes_on
        starts = np.flatnonzero(begins)
        longest = self.longest.copy()
        # A run is counted at the row in which it begins: all its rows are of one pair.
        row = np.repeat(np.arange(len(pieces)), pieces)[starts]
        np.maximum.at(longest, row, np.add.reduceat(length, starts))
        return longest


def _runs(base: Ints, bits: NDArray[np.uint8], position: NDArray[Any]) -> tuple[Ints, ...]:
    active = np.unpackbits(bits, axis=1, bitorder="little").view(bool)
    row, place = np.nonzero(active)
    at = position[base[row] + place]
    counts = active.sum(axis=1)
    starts = np.cumsum(counts) - counts
    steps = np.diff(at, prepend=at[:1])
    steps[starts] = 0
    run_starts = np.flatnonzero(steps != 1)
    lengths = np.diff(run_starts, append=len(at))
    first_run = np.searchsorted(run_starts, starts)
    last_run = np.append(first_run[1:], len(run_starts)) - 1
    return (
        at[starts], at[starts + counts - 1], np.add.reduceat(steps * steps, starts), counts,
        lengths[first_run], lengths[last_run], np.maximum.reduceat(lengths, first_run),
    )  # fmt: skip
