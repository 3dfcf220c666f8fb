"""What regularity needs of a pair's slices, a row for each pair and UTC day in place of a row for each slice.

Rows of disjoint slices of one pair and day can be put together, so a backfill makes each of them once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ndr.contract.time import SLICES_PER_DAY

_WORD = 64

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]


class Moments(NamedTuple):
    """Of some values: their mean, and the sum of their squared deviations from it; 0 of none."""

    mean: Floats
    squares: Floats

    def together(self, counts: Ints, starts: Ints) -> Moments:
        """Return the moments of runs of rows that start at `starts` and cover all rows (Chan and others 1983).

        Parameters
        ----------
        counts : int64[n]
            The values that each row is of.
        """
        if not len(starts):
            return Moments(self.mean[:0], self.squares[:0])
        total = np.add.reduceat(counts, starts)
        mean = np.add.reduceat(self.mean * counts, starts) / np.maximum(total, 1)
        lengths = np.diff(starts, append=len(counts))
        deviation = self.mean - np.repeat(mean, lengths)
        return Moments(mean, np.add.reduceat(self.squares + counts * deviation * deviation, starts))


@dataclass(frozen=True, slots=True, eq=False)
class DayActivity:
    """The active slices of pairs in UTC days.

    Attributes
    ----------
    active : int64[n]
        Active slices.
    low, high : uint64[n]
        Bit i of `low` is slice i of the day, of `high` slice 64 + i.
    session_mean, session_squares, byte_mean, byte_squares : float64[n]
        Moments of the allowed sessions and of the bytes of the active slices.
    """

    active: Ints
    low: Words
    high: Words
    session_mean: Floats
    session_squares: Floats
    byte_mean: Floats
    byte_squares: Floats

    @classmethod
    def of(cls, number: Ints, allowed: Ints, volume: Ints, is_active: NDArray[np.bool_], starts: Ints) -> DayActivity:
        """Summarize runs of slices, each of one pair and one UTC day.

        Parameters
        ----------
        number : int64[m]
            Slices, counted from the epoch.
        allowed, volume : int64[m]
            Allowed sessions and bytes.
        is_active : bool[m]
        starts : int64[n]
            Where the runs start; they cover all slices.
        """
        place = (number % SLICES_PER_DAY).astype(np.uint64)
        bit = np.left_shift(np.uint64(1), place % np.uint64(_WORD)) * is_active
        ones = is_active.astype(np.int64)
        no_squares = np.zeros(len(ones))
        sessions, total = (
            Moments(values.astype(np.float64), no_squares).together(ones, starts) for values in (allowed, volume)
        )
        if not len(starts):
            return cls(ones[:0], bit[:0], bit[:0], *sessions, *total)
        low, high = (np.bitwise_or.reduceat(bit * (place // np.uint64(_WORD) == at), starts) for at in (0, 1))
        return cls(np.add.reduceat(ones, starts), low, high, *sessions, *total)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> DayActivity:
        """Return the rows of all parts, one part after the other."""
        none = np.zeros(0, np.int64)
        empty = cls.of(none, none, none, np.zeros(0, bool), none)
        return cls(*(np.concatenate([getattr(part, each.name) for part in (empty, *parts)]) for each in fields(cls)))

    def take(self, rows: NDArray[Any]) -> DayActivity:
        """Return some of the rows."""
        return DayActivity(*(getattr(self, each.name)[rows] for each in fields(self)))

    def together(self, starts: Ints) -> DayActivity:
        """Put runs of rows together, each of one pair and one UTC day, whose slices are disjoint."""
        if len(starts) == len(self.active):
            return self
        sessions, total = (each.together(self.active, starts) for each in (self.sessions, self.bytes))
        low, high = (np.bitwise_or.reduceat(each, starts) for each in (self.low, self.high))
        return DayActivity(np.add.reduceat(self.active, starts), low, high, *sessions, *total)

    @property
    def sessions(self) -> Moments:
        return Moments(self.session_mean, self.session_squares)

    @property
    def bytes(self) -> Moments:
        return Moments(self.byte_mean, self.byte_squares)

    def bits(self) -> NDArray[np.uint8]:
        """Return the slices of each row as bytes (n, 12), the first slice in the lowest bit of the first byte."""
        words = np.stack((self.low, self.high), axis=1).astype("<u8")
        return words.view(np.uint8)[:, : SLICES_PER_DAY // 8]
