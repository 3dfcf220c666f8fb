"""How much of each window, and of the lookback behind it, was published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ndr.contract.time import SLICES_PER_DAY, Interval, slice_number
from ndr.jobs.fg_a.activity import Floats
from ndr.jobs.fg_a.codes import Integers
from ndr.jobs.fg_a.windows import running


@dataclass(frozen=True)
class PublishedTime:
    """The published slices from the midnight that opens slice `first` on.

    `slices` counts those among the first 0, 1, 2, ... slices, `days` the days with one among the first 0, 1, 2, ...
    days. Time that lies before or after is not published.
    """

    first: int
    slices: Integers
    days: Integers

    @classmethod
    def of(cls, delivered: Iterable[Interval], inputs: Interval) -> PublishedTime:
        """Count the slices of delivered time.

        Parameters
        ----------
        delivered : iterable of Interval
            Time for which deltas are published and something was delivered, in any order.
        inputs : Interval
            All the time that the features follow from: from a midnight to the end of the last window.
        """
        first, count = slice_number(inputs.start), inputs.slice_count()
        published = np.zeros(-(-count // SLICES_PER_DAY) * SLICES_PER_DAY, dtype=np.int64)
        for interval in delivered:
            part = interval.intersection(inputs)
            if part:
                published[slice_number(part.start) - first : slice_number(part.end) - first] = 1
        of_day = published.reshape(-1, SLICES_PER_DAY).max(axis=1)
        return cls(first, running(published), running(of_day))

    def window_coverage(self, ends: Integers, widths: Integers) -> Floats:
        """Return the share of the slices of each window that are published, in [0, 1].

        Parameters
        ----------
        ends, widths : int64[n]
            End of each window, in slices since the epoch, and its slices.
        """
        within = self._before(self.slices, ends - self.first) - self._before(self.slices, ends - widths - self.first)
        return np.asarray(within / widths, dtype=np.float64)

    def lookback_days(self, ends: Integers, widths: Integers, longest: int) -> Integers:
        """Return how many of the `longest` UTC days before the day of each window's start have a published slice."""
        day = (ends - widths - self.first) // SLICES_PER_DAY
        return self._before(self.days, day) - self._before(self.days, day - longest)

    @staticmethod
    def _before(counts: Integers, places: Integers) -> Integers:
        return counts[np.clip(places, 0, counts.size - 1)]
