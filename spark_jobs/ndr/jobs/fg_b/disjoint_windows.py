"""Support: how many windows of a group do not overlap.

A window of 24 hours ends with every slice, so that one connection is seen in 96 of them. Of windows of one length the
largest number of disjoint ones is found by taking the earliest end, then the earliest end whose window starts at or
after it, and so on (interval scheduling; Kleinberg & Tardos, Algorithm Design, 2005, section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import EPOCH, SLICE_MICROSECONDS, WINDOWS
from ndr.jobs.fg_b.order_statistics import Floats, Ints


def window_lengths(labels: Sequence[str]) -> Ints:
    """Return the lengths of windows in microseconds.

    Raises
    ------
    SchemaMismatchError
        A label is not that of a window.
    """
    unknown = sorted(set(labels) - set(WINDOWS))
    if unknown:
        raise SchemaMismatchError(
            f"FG-A rows have the windows {unknown}, but the windows are {', '.join(WINDOWS)}: rebuild the partition."
        )
    return np.array([WINDOWS[label] // EPOCH.resolution for label in labels], np.int64)


@dataclass(frozen=True)
class DisjointWindows:
    """The window ends of groups, whose disjoint windows are counted.

    Attributes
    ----------
    ends : array of (rows,)
        Microseconds since the epoch, ascending within a group.
    offsets : array of (groups + 1,)
        Where each group starts; no group is empty.
    lengths : array of (groups,)
        The length of the windows of each group, microseconds.
    """

    ends: Ints
    offsets: Ints
    lengths: Ints
    _known: dict[bytes, Ints] = field(default_factory=dict, compare=False, repr=False)

    def with_value(self, column: Floats) -> Ints:
        """Count each group's disjoint windows among the rows with a finite value.

        Metrics that lack a value in the same rows, such as the shares of bytes, are counted once.
        """
        present = np.isfinite(column)
        pattern = b"" if present.all() else np.packbits(present).tobytes()
        if pattern not in self._known:
            self._known[pattern] = self._counted(present)
        return self._known[pattern]

    def _counted(self, present: NDArray[np.bool_]) -> Ints:
        if not len(self.lengths):
            return np.zeros(0, np.int64)
        present = self._once_each(present)
        counts = np.add.reduceat(present, self.offsets[:-1], dtype=np.int64)
        longer = self.lengths > SLICE_MICROSECONDS
        chosen = np.repeat(longer, np.diff(self.offsets)) & present
        if chosen.any():
            ends = self.ends[chosen]
            sizes = counts[longer]
            counts[longer] = disjoint_counts(ends, np.concatenate(([0], np.cumsum(sizes))), self.lengths[longer])
        return counts

    def _once_each(self, present: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Mark, of rows of a group with the same window end, the first one that is marked."""
        if not (self.ends[1:] == self.ends[:-1]).any():
            return present
        rows = np.flatnonzero(present)
        group = np.repeat(np.arange(len(self.lengths)), np.diff(self.offsets))[rows]
        is_first = np.ones(len(rows), bool)
        is_first[1:] = (np.diff(self.ends[rows]) != 0) | (np.diff(group) != 0)
        once = np.zeros(len(present), bool)
        once[rows[is_first]] = True
        return once


def disjoint_counts(ends: Ints, offsets: Ints, lengths: Ints) -> Ints:
    """Return the largest number of disjoint windows in each group; a group may be empty.

    Parameters
    ----------
    ends, offsets, lengths : arrays of int64
        As in `DisjointWindows`.

    Notes
    -----
    Windows that end slice after slice are a run. How many of a run are chosen follows from its first and last end, so
    that the runs of a group are gone through, not its windows.
    """
    sizes = np.diff(offsets)
    begins = np.ones(len(ends), bool)
    begins[1:] = np.diff(ends) != SLICE_MICROSECONDS
    begins[offsets[:-1][sizes > 0]] = True
    starts = np.flatnonzero(begins)
    first, last = ends[starts], ends[np.append(starts[1:], len(ends))[: len(starts)] - 1]
    run_offsets = np.searchsorted(starts, offsets)
    counts = np.zeros(len(lengths), np.int64)
    groups = np.flatnonzero(sizes)
    run, free = run_offsets[groups], np.full(len(groups), np.iinfo(np.int64).min)
    steps = -(-lengths // SLICE_MICROSECONDS) * SLICE_MICROSECONDS
    while len(groups):
        step, begin, end = steps[groups], first[run], last[run]
        behind = np.maximum(free, begin) - begin
        chosen = begin + -(-behind // SLICE_MICROSECONDS) * SLICE_MICROSECONDS
        more = np.where(chosen <= end, (end - chosen) // step + 1, 0)
        counts[groups] += more
        free = np.where(more > 0, chosen + (more - 1) * step + lengths[groups], free)
        run += 1
        inside = run < run_offsets[groups + 1]
        groups, run, free = groups[inside], run[inside], free[inside]
    return counts
