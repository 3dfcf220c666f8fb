"""Peer dimensions: how the sessions and bytes of a window spread over its peers, ports or segments.

A window slides over the rows of its group; each row enters once and leaves once. All state is in whole numbers, so
that a run over a day and a run over a single slice give a window the same values, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
import pyarrow as pa

from ndr.jobs.fg_a.activity import Floats, share
from ndr.jobs.fg_a.codes import Integers
from ndr.jobs.fg_a.peers import PeerRows, Values
from ndr.jobs.fg_a.windows import Frame, WindowRows

# State of a window: sums of sessions and bytes, distinct values, the sum of n·log2(n) as a whole part and a
# fraction in units of 2^-52, the largest sessions and bytes of a value, and whether those two are only bounds.
_SESSIONS: Final = 0
_BYTES: Final = 1
_DISTINCT: Final = 2
_WHOLE: Final = 3
_FRACTION: Final = 4
_TOP_SESSIONS: Final = 5
_TOP_BYTES: Final = 6
_STALE: Final = 7
_STATE_SIZE: Final = 8
_ONE: Final = 1 << 52


@dataclass(frozen=True)
class Spread:
    """Per window: totals, distinct values, entropy in bits, and the largest value's sessions and bytes."""

    sessions: Integers
    bytes: Integers
    distinct: Integers
    entropy: Floats
    top_sessions: Integers
    top_bytes: Integers

    def columns(self, dimension: str) -> dict[str, pa.Array]:
        """Return the columns of a peer dimension by name."""
        return {
            f"{dimension}_nunique": pa.array(self.distinct),
            f"{dimension}_entropy": pa.array(self.entropy),
            f"{dimension}_top1_sessions_share": share(self.top_sessions, self.sessions),
            f"{dimension}_top1_bytes_share": share(self.top_bytes, self.bytes),
        }


def spread(frame: Frame, windows: WindowRows, rows: PeerRows, values: Values) -> Spread:
    """Return how sessions and bytes of each window spread over `values`."""
    count = windows.ends.size
    totals, sizes, distinct, top_sessions, top_bytes = (np.empty(count, dtype=np.int64) for _ in range(5))
    entropy = np.empty(count, dtype=np.float64)
    _slide(
        windows.blocks, frame.widths, windows.ends, rows.order.offsets, rows.order.slices,
        values.codes, values.offsets, rows.sessions, rows.bytes,
        totals, sizes, distinct, entropy, top_sessions, top_bytes,
    )  # fmt: skip
    return Spread(totals, sizes, distinct, entropy, top_sessions, top_bytes)


@numba.njit
def _weigh(state, count, sign):  # type: ignore[no-untyped-def]
    """Add or take away n·log2(n), a multiple of 2^-52 from n = 2 on: the sum of such terms is exact."""
    if count < 2:
        return
    term = count * math.log2(count)
    whole = math.floor(term)
    state[_WHOLE] += sign * np.int64(whole)
    state[_FRACTION] += sign * np.int64((term - whole) * _ONE)
    if state[_FRACTION] >= _ONE:
        state[_FRACTION] -= _ONE
        state[_WHOLE] += 1
    elif state[_FRACTION] < 0:
        state[_FRACTION] += _ONE
        state[_WHOLE] -= 1


@numba.njit
def _change(state, sessions_of, bytes_of, code, sessions, size):  # type: ignore[no-untyped-def]
    """Add a row's sessions and bytes to its value; negative ones take them away."""
    before, size_before = sessions_of[code], bytes_of[code]
    after, size_after = before + sessions, size_before + size
    sessions_of[code], bytes_of[code] = after, size_after
    state[_SESSIONS] += sessions
    state[_BYTES] += size
    state[_DISTINCT] += (after > 0) - (before > 0)
    _weigh(state, after, 1)
    _weigh(state, before, -1)
    # The largest value may have become smaller: what is stored is an upper bound until `_find_top` runs.
    if before == state[_TOP_SESSIONS] > after or size_before == state[_TOP_BYTES] > size_after:
        state[_STALE] = 1
    state[_TOP_SESSIONS] = max(state[_TOP_SESSIONS], after)
    state[_TOP_BYTES] = max(state[_TOP_BYTES], size_after)


@numba.njit
def _find_top(state, sessions_of, bytes_of, codes):  # type: ignore[no-untyped-def]
    """Look up the largest sessions and bytes, among the window's rows or all values, whichever are fewer."""
    top, top_size = 0, 0
    if codes.size < sessions_of.size:
        for code in codes:
            top, top_size = max(top, sessions_of[code]), max(top_size, bytes_of[code])
    else:
        for code in range(sessions_of.size):
            top, top_size = max(top, sessions_of[code]), max(top_size, bytes_of[code])
    state[_TOP_SESSIONS], state[_TOP_BYTES], state[_STALE] = top, top_size, 0


@numba.njit
def _entropy(state):  # type: ignore[no-untyped-def]
    """Return log2(N) - sum(n·log2(n)) / N, which is Shannon's -sum(p·log2(p)) for p = n / N, in bits."""
    if state[_DISTINCT] < 2:
        return 0.0
    weight = state[_WHOLE] + state[_FRACTION] / _ONE
    return max(0.0, math.log2(state[_SESSIONS]) - weight / state[_SESSIONS])


_I = numba.int64[::1]
_F = numba.float64[::1]


@numba.njit(numba.void(_I, _I, _I, _I, _I, _I, _I, _I, _I, _I, _I, _I, _F, _I, _I), nogil=True, cache=True)
def _slide(blocks, widths, ends, offsets, slices, codes, code_offsets, sessions, sizes,
           totals, total_sizes, distinct, entropy, top_sessions, top_sizes):  # type: ignore[no-untyped-def]  # fmt: skip
    """Fill the last six arrays, block by block."""
    for block in range(blocks.size - 1):
        if blocks[block] == blocks[block + 1]:
            continue
        group, window = divmod(block, widths.size)
        base, high, stop = code_offsets[group], offsets[group], offsets[group + 1]
        sessions_of = np.zeros(code_offsets[group + 1] - base, dtype=np.int64)
        bytes_of, state = np.zeros_like(sessions_of), np.zeros(_STATE_SIZE, dtype=np.int64)
        local = codes[offsets[group] : stop] - base
        low = high = 0
        stop -= offsets[group]
        at = offsets[group]
        for row in range(blocks[block], blocks[block + 1]):
            start = ends[row] - widths[window]
            while low < high and slices[at + low] < start:
                _change(state, sessions_of, bytes_of, local[low], -sessions[at + low], -sizes[at + low])
                low += 1
            if low == high:
                while high < stop and slices[at + high] < start:
                    high += 1
                low = high
            while high < stop and slices[at + high] < ends[row]:
                _change(state, sessions_of, bytes_of, local[high], sessions[at + high], sizes[at + high])
                high += 1
            if state[_STALE]:
                _find_top(state, sessions_of, bytes_of, local[low:high])
            totals[row], total_sizes[row], distinct[row] = state[_SESSIONS], state[_BYTES], state[_DISTINCT]
            entropy[row] = _entropy(state)
            top_sessions[row], top_sizes[row] = state[_TOP_SESSIONS], state[_TOP_BYTES]
