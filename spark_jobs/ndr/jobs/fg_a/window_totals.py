"""Totals of chosen peer rows over each window: distinct values of those on some ports, sessions to some networks.

Few rows are chosen, so no window is visited: a row adds to a range of window ends, and running sums of what begins and
ends at each of them are the totals.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ndr.jobs.fg_a.codes import Flags, Integers
from ndr.jobs.fg_a.host_roles import SortOrder
from ndr.jobs.fg_a.windows import Frame, WindowRows

_NEVER: Final = -(1 << 40)


def distinct_in_windows(
    frame: Frame, windows: WindowRows, order: SortOrder, codes: Integers, chosen: Flags
) -> Integers:
    """Return, per window, the distinct codes of its chosen rows.

    Parameters
    ----------
    codes : int64[n]
        The value of each row in `order`; a value belongs to one group.
    chosen : bool[n]
        Which rows count.
    """
    rows = np.flatnonzero(chosen)
    codes, slices = codes[rows], order.slices[rows]
    by_code = np.argsort(codes, kind="stable")
    repeats = np.flatnonzero(codes[by_code][1:] == codes[by_code][:-1])
    # Of several rows with a code, a window counts the first one in it: the one whose predecessor lies before it.
    before = np.full(rows.size, _NEVER)
    before[by_code[repeats + 1]] = slices[by_code[repeats]]
    return _totals(frame, windows, order, rows, before, np.ones(rows.size, dtype=np.int64))


def sum_in_windows(frame: Frame, windows: WindowRows, order: SortOrder, values: Integers, chosen: Flags) -> Integers:
    """Return, per window, the sum of the values of its chosen rows."""
    rows = np.flatnonzero(chosen)
    return _totals(frame, windows, order, rows, np.full(rows.size, _NEVER), values[rows])


def _totals(
    frame: Frame, windows: WindowRows, order: SortOrder, rows: Integers, before: Integers, values: Integers
) -> Integers:
    """Sum the values of rows over the windows that hold the row and do not reach back to slice `before` of it."""
    totals = np.zeros_like(windows.ends)
    groups, place = np.unique(order.groups[rows], return_inverse=True)
    slices, ends = order.slices[rows], frame.last_end - frame.first_end + 2
    for number, width in enumerate(frame.widths):
        first = np.maximum(np.maximum(slices, before + width) + 1, frame.first_end)
        last = np.minimum(slices + width, frame.last_end)
        held = np.flatnonzero(first <= last)
        changes = np.zeros(groups.size * ends, dtype=np.int64)
        np.add.at(changes, place[held] * ends + (first[held] - frame.first_end), values[held])
        np.subtract.at(changes, place[held] * ends + (last[held] + 1 - frame.first_end), values[held])
        at_end = np.cumsum(changes.reshape(-1, ends), axis=1)
        opens, closes = (windows.blocks[groups * frame.widths.size + number + step] for step in (0, 1))
        counts = closes - opens
        owner = np.repeat(np.arange(groups.size), counts)
        found = np.repeat(opens - (np.cumsum(counts) - counts), counts) + np.arange(owner.size)
        totals[found] = at_end[owner, windows.ends[found] - frame.first_end]
    return totals
