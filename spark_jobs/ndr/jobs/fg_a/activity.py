"""Sums, the maximum and the ratios of the deltas in each window."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ndr.contract.datasets import COUNTS, DURATION_SUM, MAX_SESSIONS_PER_MINUTE
from ndr.jobs.fg_a.codes import Integers, integers
from ndr.jobs.fg_a.host_roles import Order
from ndr.jobs.fg_a.windows import WindowRows, running

Floats = npt.NDArray[np.float64]

MICROSECONDS: Final = 1_000_000
_RATIOS: Final = ("deny", "tcp", "udp", "icmp")


def activity_columns(deltas: pa.Table, order: Order, windows: WindowRows) -> dict[str, pa.Array]:
    """Return the counts, sums, maximum and ratios over each window, by column name."""
    sums = {column.name: _window_sum(integers(deltas, column.name)[order.rows], windows) for column in COUNTS}
    # Durations are whole microseconds; summed as such, the order of the rows leaves no trace.
    seconds = np.asarray(deltas.column(DURATION_SUM.name).to_numpy(), dtype=np.float64)[order.rows]
    duration = _window_sum(np.rint(seconds * MICROSECONDS).astype(np.int64), windows) / MICROSECONDS
    busiest = np.empty_like(windows.ends)
    _window_max(integers(deltas, MAX_SESSIONS_PER_MINUTE.name)[order.rows], windows.lows, windows.highs, busiest)
    columns = {name: pa.array(values) for name, values in sums.items()}
    columns[DURATION_SUM.name] = pa.array(duration)
    columns[MAX_SESSIONS_PER_MINUTE.name] = pa.array(busiest)
    sessions = sums["sessions_cnt"]
    columns["duration_mean"] = pa.array(duration / sessions)
    for name in _RATIOS:
        columns[f"{name}_ratio"] = pa.array(sums[f"{name}_cnt"] / sessions)
    sent, received = sums["bytes_sent_sum"], sums["bytes_recv_sum"]
    columns["bytes_asymmetry_ratio"] = share(sent - received, sent + received)
    return columns


def share(part: Integers, whole: Integers) -> pa.Array:
    """Return part / whole; null where the whole is 0."""
    nothing = whole == 0
    return pa.array(part / np.where(nothing, 1, whole), mask=nothing)


def _window_sum(values: Integers, windows: WindowRows) -> Integers:
    sums = np.empty_like(windows.ends)
    _difference(running(values), windows.lows, windows.highs, sums)
    return sums


_I = numba.int64[::1]


@numba.njit(numba.void(_I, _I, _I, _I), nogil=True, cache=True)
def _difference(running_sums, lows, highs, sums):  # type: ignore[no-untyped-def]
    """Fill `sums` with the sum of each window from running sums; whole numbers, hence exact."""
    for row in range(sums.size):
        sums[row] = running_sums[highs[row]] - running_sums[lows[row]]


@numba.njit(numba.void(_I, _I, _I, _I), nogil=True, cache=True)
def _window_max(values, lows, highs, most):  # type: ignore[no-untyped-def]
    """Fill `most` with the largest value of each window; no window has more rows than slices."""
    for row in range(most.size):
        largest = values[lows[row]]
        for at in range(lows[row] + 1, highs[row]):
            largest = max(largest, values[at])
        most[row] = largest
