"""New and rare peers, ports and pairs of each window, judged against the days before it.

The past activity of a value is a bit mask of UTC days: bit i is set when it was active i days before the last day of
the call. The lookback of a window [start, end) is [midnight of start's day - lookback_days, start); as the window
slides, the rows that leave it turn into history.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from ndr.contract.jobspecs.fg_a_builder import Novelty
from ndr.contract.time import SLICES_PER_DAY
from ndr.jobs.fg_a.codes import Integers
from ndr.jobs.fg_a.host_roles import SortOrder
from ndr.jobs.fg_a.novel_rows import Later
from ndr.jobs.fg_a.peers import Values
from ndr.jobs.fg_a.windows import Frame, WindowRows


def novelty_counts(
    frame: Frame,
    windows: WindowRows,
    order: SortOrder,
    values: Values,
    history: Integers,
    later: Later,
    novelty: Novelty,
) -> tuple[Integers, Integers]:
    """Return, per window, how many of its `values` are new and how many rare.

    Parameters
    ----------
    order : SortOrder
        Of the rows that the values are of.
    history : int64[number of values]
        Days on which the value was active before `frame.first_slice`, as a mask.
    later : Later
        Values that were active elsewhere since then.
    """
    new, rare = np.empty_like(windows.ends), np.empty_like(windows.ends)
    _slide(
        windows.blocks, frame.widths, windows.ends, order.offsets, order.slices,
        values.codes, values.offsets, history, *later,
        last_day(frame), novelty.lookback_days, novelty.rare_max_active_days, new, rare,
    )  # fmt: skip
    return new, rare


def last_day(frame: Frame) -> int:
    """Return the day, counted since the epoch, that bit 0 of a mask stands for."""
    return (frame.last_end - 1) // SLICES_PER_DAY


_NEW: Final = 0
_RARE: Final = 1
_KNOWN: Final = 2
_I = numba.int64[::1]


@numba.njit
def _standing(days, rare_days):  # type: ignore[no-untyped-def]
    """Return whether a value with these days of the lookback is new, rare or known."""
    if days == 0:
        return _NEW
    for _ in range(rare_days):
        days &= days - 1
    return _RARE if days == 0 else _KNOWN


@numba.njit
def _leave(counts, days_of, rows_of, code, day, lookback, rare_days):  # type: ignore[no-untyped-def]
    """Take a row out of the window and into history, where its day has the bit `day`."""
    before = days_of[code]
    counts[_standing(before & lookback, rare_days)] -= 1
    rows_of[code] -= 1
    days_of[code] = before | day
    if rows_of[code]:
        counts[_standing(days_of[code] & lookback, rare_days)] += 1


@numba.njit
def _learn(counts, days_of, rows_of, code, day, lookback, rare_days):  # type: ignore[no-untyped-def]
    """Take into history what was active elsewhere, on the day that has the bit `day`."""
    before = days_of[code]
    days_of[code] = before | day
    if rows_of[code]:
        counts[_standing(before & lookback, rare_days)] -= 1
        counts[_standing(days_of[code] & lookback, rare_days)] += 1


@numba.njit
def _recount(counts, days_of, rows_of, lookback, rare_days):  # type: ignore[no-untyped-def]
    """Judge every value of the window again: the lookback has moved on by a day."""
    counts[:] = 0
    for code in range(rows_of.size):
        if rows_of[code]:
            counts[_standing(days_of[code] & lookback, rare_days)] += 1


@numba.njit(
    numba.void(_I, _I, _I, _I, _I, _I, _I, _I, _I, _I, _I, numba.int64, numba.int64, numba.int64, _I, _I),
    nogil=True, cache=True,
)  # fmt: skip
def _slide(blocks, widths, ends, offsets, slices, codes, code_offsets, history, later_offsets, later_slices,
           later_codes, last, lookback_days, rare_days, new, rare):  # type: ignore[no-untyped-def]  # fmt: skip
    """Fill `new` and `rare`, block by block."""
    one = np.int64(1)
    for block in range(blocks.size - 1):
        if blocks[block] == blocks[block + 1]:
            continue
        group, window = divmod(block, widths.size)
        base, stop = code_offsets[group], offsets[group + 1]
        days_of = history[base : code_offsets[group + 1]].copy()
        rows_of, counts = np.zeros_like(days_of), np.zeros(3, dtype=np.int64)
        low = high = offsets[group]
        seen, seen_stop = later_offsets[group], later_offsets[group + 1]
        lookback, day = np.int64(0), np.int64(-1)
        for row in range(blocks[block], blocks[block + 1]):
            start = ends[row] - widths[window]
            if start // SLICES_PER_DAY != day:
                day = start // SLICES_PER_DAY
                lookback = (one << (last - day + lookback_days + 1)) - 1
                _recount(counts, days_of, rows_of, lookback, rare_days)
            while low < high and slices[low] < start:
                bit = one << (last - slices[low] // SLICES_PER_DAY)
                _leave(counts, days_of, rows_of, codes[low] - base, bit, lookback, rare_days)
                low += 1
            while seen < seen_stop and later_slices[seen] < start:
                bit = one << (last - later_slices[seen] // SLICES_PER_DAY)
                _learn(counts, days_of, rows_of, later_codes[seen] - base, bit, lookback, rare_days)
                seen += 1
            if low == high:
                while high < stop and slices[high] < start:
                    days_of[codes[high] - base] |= one << (last - slices[high] // SLICES_PER_DAY)
                    high += 1
                low = high
            while high < stop and slices[high] < ends[row]:
                code = codes[high] - base
                if rows_of[code] == 0:
                    counts[_standing(days_of[code] & lookback, rare_days)] += 1
                rows_of[code] += 1
                high += 1
            new[row], rare[row] = counts[_NEW], counts[_RARE]
