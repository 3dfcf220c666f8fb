"""The slices of an interval that were published: what silence is told from absence by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from ndr.contract.time import SLICE, SLICES_PER_DAY, Interval, slice_number


@dataclass(frozen=True, slots=True, eq=False)
class PublishedSlices:
    """Which slices of an interval were published.

    Attributes
    ----------
    first : int
        Number of the interval's first slice, counted from the epoch.
    published : bool[n]
        For each slice of the interval, whether it was published.
    """

    first: int
    published: NDArray[np.bool_]

    @classmethod
    def of(cls, intervals: Iterable[Interval], interval: Interval) -> PublishedSlices:
        """Mark the slices of `interval` that any of the published intervals holds."""
        first = slice_number(interval.start)
        published = np.zeros(interval.slice_count(), bool)
        for each in intervals:
            if part := each.intersection(interval):
                published[slice_number(part.start) - first : slice_number(part.end) - first] = True
        return cls(first, published)

    @classmethod
    def union(cls, spans: Sequence[PublishedSlices]) -> PublishedSlices:
        """Return the slices that any of the spans has, from the first of all to the last."""
        first = min((each.first for each in spans), default=0)
        end = max((each.first + len(each.published) for each in spans), default=0)
        published = np.zeros(end - first, bool)
        for each in spans:
            published[each.first - first :][: len(each.published)] |= each.published
        return cls(first, published)

    @property
    def count(self) -> int:
        """Published slices."""
        return int(np.count_nonzero(self.published))

    @property
    def days(self) -> int:
        """UTC days with a published slice."""
        return len(np.unique((np.flatnonzero(self.published) + self.first) // SLICES_PER_DAY))

    def has(self, number: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell of slices, counted from the epoch, which are in the interval and published."""
        place = number - self.first
        inside = (place >= 0) & (place < len(self.published))
        inside[inside] = self.published[place[inside]]
        return inside

    def last(self, duration: timedelta) -> PublishedSlices:
        """Return the end of the interval, of at most a duration."""
        left_out = max(0, len(self.published) - duration // SLICE)
        return PublishedSlices(self.first + left_out, self.published[left_out:])
