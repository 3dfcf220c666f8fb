"""Which windows a batch yields: one row per (host, role, window, end) that holds a session."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from ndr.contract.time import SLICE, WINDOWS, Interval, slice_number
from ndr.jobs.fg_a.codes import Integers
from ndr.jobs.fg_a.host_roles import SortOrder


@dataclass(frozen=True)
class Frame:
    """The slices, counted since the epoch, that a batch's windows reach over.

    Windows end at `first_end` to `last_end`, both included, and are `widths` slices wide; `labels` and `widths`
    are in the order of the labels' text. `first_slice` opens the earliest window.
    """

    labels: tuple[str, ...]
    widths: Integers
    first_slice: int
    first_end: int
    last_end: int

    @classmethod
    def of(cls, batch: Interval, labels: tuple[str, ...]) -> Frame:
        names = tuple(sorted(set(labels)))
        widths = np.array([WINDOWS[name] // SLICE for name in names], dtype=np.int64)
        first_end = slice_number(batch.start) + 1
        return cls(names, widths, first_end - int(widths.max()), first_end, slice_number(batch.end))


@dataclass(frozen=True)
class WindowRows:
    """The windows, in the order of the output's key.

    Block b = group × windows + window has the rows `blocks[b]` to `blocks[b + 1]`; a row's window ends before
    slice `ends` and holds the delta rows `lows` to `highs` of the order that it was listed from.
    """

    blocks: Integers
    ends: Integers
    lows: Integers
    highs: Integers

    @classmethod
    def of(cls, frame: Frame, order: SortOrder, sessions: Integers) -> WindowRows:
        """List the windows over delta rows; `sessions` is their flows, in that order."""
        rows_per_group = np.diff(order.offsets)
        end_count = frame.last_end - frame.first_end + 1
        most = int(np.minimum(rows_per_group[:, None] * frame.widths, end_count).sum())
        blocks = np.zeros(rows_per_group.size * frame.widths.size + 1, dtype=np.int64)
        ends, lows, highs = (np.empty(most, dtype=np.int64) for _ in range(3))
        total = _list_windows(
            order.offsets, order.slices, running(sessions), frame.widths, frame.first_end, frame.last_end,
            blocks, ends, lows, highs,
        )  # fmt: skip
        return cls(blocks, ends[:total], lows[:total], highs[:total])

    def block_of_row(self) -> Integers:
        return np.repeat(np.arange(self.blocks.size - 1), np.diff(self.blocks))


def running(values: Integers) -> Integers:
    """Return the sums of the first 0, 1, 2, ... values: one longer than `values`."""
    sums = np.zeros(values.size + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


_I = numba.int64[::1]


@numba.njit(numba.int64(_I, _I, _I, _I, numba.int64, numba.int64, _I, _I, _I, _I), nogil=True, cache=True)
def _list_windows(offsets, slices, sessions, widths, first_end, last_end, blocks, ends, lows, highs):  # type: ignore[no-untyped-def]
    """Fill `blocks`, `ends`, `lows` and `highs`; return how many windows there are."""
    at = 0
    for block in range(blocks.size - 1):
        group, window = divmod(block, widths.size)
        low = high = offsets[group]
        stop = offsets[group + 1]
        for end in range(first_end, last_end + 1):
            if low == stop:
                break
            while high < stop and slices[high] < end:
                high += 1
            while low < high and slices[low] < end - widths[window]:
                low += 1
            if sessions[high] > sessions[low]:
                ends[at], lows[at], highs[at] = end, low, high
                at += 1
        blocks[block + 1] = at
    return at
