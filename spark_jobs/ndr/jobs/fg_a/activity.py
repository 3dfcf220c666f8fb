"""Sums, maxima and ratios of the deltas in each window."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ndr.contract.datasets import COUNT_RATIOS, COUNTS, DURATION_SUM, MAXIMA
from ndr.contract.time import SECOND_MICROSECONDS
from ndr.jobs.fg_a.codes import Integers, integers
from ndr.jobs.fg_a.host_roles import SortOrder
from ndr.jobs.fg_a.windows import WindowRows, running

Floats = npt.NDArray[np.float64]


def activity_columns(deltas: pa.Table, order: SortOrder, windows: WindowRows) -> dict[str, pa.Array]:
    """Return the counts, sums, maxima and ratios over each window, by column name."""
    sums = {column.name: _window_sum(integers(deltas, column.name)[order.rows], windows) for column in COUNTS}
    # Durations are whole microseconds; summed as such, the order of the rows leaves no trace.
    seconds = np.asarray(deltas.column(DURATION_SUM.name).to_numpy(), dtype=np.float64)[order.rows]
    duration = _window_sum(np.rint(seconds * SECOND_MICROSECONDS).astype(np.int64), windows) / SECOND_MICROSECONDS
    columns = {name: pa.array(values) for name, values in sums.items()}
    columns[DURATION_SUM.name] = pa.array(duration)
    for column in MAXIMA:
        columns[column.name] = pa.array(_window_max(integers(deltas, column.name)[order.rows], windows))
    sessions = sums["sessions_cnt"]
    columns["duration_mean"] = pa.array(duration / sessions)
    for ratio in COUNT_RATIOS:
        columns[ratio.name] = share(sums[ratio.part], sums[ratio.whole])
    sent, received = sums["bytes_sent_sum"], sums["bytes_recv_sum"]
    columns["bytes_asymmetry_ratio"] = share(sent - received, sent + received)
    return columns


def share(part: Integers, whole: Integers) -> pa.Array:
    """Return part / whole; null where the whole is 0."""
    nothing = whole == 0
    return pa.array(part / np.where(nothing, 1, whole), mask=nothing)


def _window_sum(values: Integers, windows: WindowRows) -> Integers:
    """Return each window's sum, as the difference of two running sums: whole numbers, hence exact."""
    sums = running(values)
    return sums[windows.highs] - sums[windows.lows]


def _window_max(values: Integers, windows: WindowRows) -> Integers:
    """Return each window's largest value."""
    if not windows.ends.size:
        return np.empty_like(windows.ends)
    # reduceat takes each range from one index to the next: windows, and in between what is dropped again.
    bounds = np.stack([windows.lows, windows.highs], axis=1).ravel()
    return np.maximum.reduceat(np.append(values, 0), bounds)[::2]
