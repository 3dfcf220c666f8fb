"""Covered time: what share of an interval is covered, and which parts are not, each in log n steps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate

from ndr.contract.time import Interval, merged


@dataclass(frozen=True)
class Covered:
    """Intervals that are sorted and neither meet nor overlap."""

    intervals: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Covered:
        """Take the union of intervals in any order, in n log n steps."""
        return cls(tuple(merged(intervals)))

    @cached_property
    def _starts(self) -> list[datetime]:
        return [each.start for each in self.intervals]

    @cached_property
    def _ends(self) -> list[datetime]:
        return [each.end for each in self.intervals]

    @cached_property
    def _until(self) -> list[timedelta]:
        """What is covered by all intervals before each."""
        return list(accumulate((each.duration for each in self.intervals), initial=timedelta()))

    def share(self, wanted: Interval) -> float:
        """Return the share of `wanted`, in [0, 1], that is covered."""
        missing = wanted.duration - (self._before(wanted.end) - self._before(wanted.start))
        return 1.0 - missing / wanted.duration

    def _before(self, instant: datetime) -> timedelta:
        place = bisect_right(self._starts, instant) - 1
        if place < 0:
            return timedelta()
        return self._until[place] + min(instant, self._ends[place]) - self._starts[place]

    def gaps(self, wanted: Interval) -> list[Interval]:
        """Return the parts of `wanted` that are not covered, in order; log n steps and one a gap."""
        found, at = [], wanted.start
        for place in range(bisect_right(self._ends, wanted.start), len(self.intervals)):
            covered = self.intervals[place]
            if covered.start >= wanted.end:
                break
            if covered.start > at:
                found.append(Interval(at, covered.start))
            at = covered.end
        return [*found, Interval(at, wanted.end)] if at < wanted.end else found

    def meets(self, wanted: Interval) -> bool:
        """Tell whether a part of `wanted` is covered."""
        place = bisect_right(self._ends, wanted.start)
        return place < len(self.intervals) and self.intervals[place].start < wanted.end

    def end_of(self, wanted: Interval) -> datetime:
        """Return where the interval that holds the end of `wanted` ends."""
        return self._ends[bisect_left(self._ends, wanted.end)]
