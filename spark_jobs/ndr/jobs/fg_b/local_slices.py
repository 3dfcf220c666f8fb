"""The slices of a span by local day and hour, and the windows of them that were published in full."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ndr.contract.day_masks import MASK_DAYS
from ndr.contract.time import EPOCH, SLICE, WINDOWS, Interval, slice_number
from ndr.jobs.fg_b.baseline import Baseline
from ndr.jobs.fg_b.order_statistics import Ints
from ndr.jobs.published_slices import PublishedSlices


@dataclass(frozen=True, slots=True, eq=False)
class LocalSlices:
    """Consecutive slices. A window is told by the number of its last slice, counted from the first one here.

    Attributes
    ----------
    first : int
        Number of the first slice, counted from the epoch.
    days, hours : int64[n]
        Local day (proleptic Gregorian ordinal) and hour, 0 to 23, of each slice's start.
    published : bool[n]
    """

    first: int
    days: Ints
    hours: Ints
    published: NDArray[np.bool_]
    time_zone: str

    @classmethod
    def of(cls, span: Interval, published: Iterable[Interval], time_zone: str) -> LocalSlices:
        """Describe the slices of a span, of which `published` intervals hold those that were published."""
        first, stop = slice_number(span.start), slice_number(span.end)
        zone = ZoneInfo(time_zone)
        starts = [(EPOCH + number * SLICE).astimezone(zone) for number in range(first, stop)]
        days = np.array([start.toordinal() for start in starts], np.int64)
        hours = np.array([start.hour for start in starts], np.int64)
        return cls(first, days, hours, PublishedSlices.of(published, span).published, time_zone)

    def full_windows(self, label: str) -> NDArray[np.bool_]:
        """Tell, for each slice, whether every slice of the window that it closes is published."""
        width = WINDOWS[label] // SLICE
        before = np.concatenate(([0], np.cumsum(self.published)))
        full = np.zeros(len(self.published), bool)
        full[width - 1 :] = before[width:] - before[:-width] == width
        return full

    def day_bits(self, baseline: Baseline) -> Ints:
        """Return each slice's bit: 1 << the local days from it to the last slice before the baseline's end, else 0."""
        last = (baseline.end - SLICE).astimezone(ZoneInfo(self.time_zone)).toordinal()
        ago = last - self.days
        return np.where((ago >= 0) & (ago < MASK_DAYS), np.int64(1) << np.clip(ago, 0, MASK_DAYS - 1), 0)
