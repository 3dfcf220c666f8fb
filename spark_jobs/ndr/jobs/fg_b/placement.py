"""The place of each row in the laid-out order, found block by block on all threads.

A block is a set of pieces that ends in time before the next block starts. So a group's rows of one block are a run of
the laid-out rows, and a block is sorted without looking at the others. Pieces that overlap in time share a block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ndr.jobs.fg_b.order_statistics import Ints

GROUP_COLUMNS = ("role", "time_band", "window_label")
_RADIX_BITS = 16

# Unsigned, as narrow as the number of texts or window ends allows.
Codes = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class RowKeys:
    """The key columns of rows, as codes into their distinct texts.

    `codes` holds host_ip, role, time_band and window_label, `texts` their distinct values; `end_codes` numbers the
    window ends, whose instants (microseconds since the epoch, ascending) are `ends`. The rows of piece i are those from
    `piece_starts[i]` to before `piece_starts[i + 1]`: at least one.
    """

    codes: dict[str, Codes]
    texts: dict[str, list[str]]
    end_codes: Codes
    ends: Ints
    piece_starts: Ints

    def __len__(self) -> int:
        return len(self.end_codes)

    def of_block(self, values: Codes, block: Sequence[int]) -> Ints:
        """Return the values of a block's rows, piece after piece."""
        starts = self.piece_starts
        return np.concatenate([values[starts[piece] : starts[piece + 1]] for piece in block], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of one length in the laid-out order: one starts at each of `starts`."""

    starts: Ints
    length: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the rows of a piece go: `rows`, in this order, fill the runs one after the other.

    A piece is read in the order of the runs: the writes to the (large) column copy whole runs, and the jumps are left
    to the reads, in a piece small enough for the cache.
    """

    piece: int
    rows: Ints
    runs: list[Runs]

    def write(self, column: NDArray[Any], values: NDArray[Any] | float) -> None:
        """Write the values of `rows`, or one value for all of them, to their places in a column."""
        write_runs(column, self.runs, values)


def write_runs(column: NDArray[Any], runs: Iterable[Runs], values: NDArray[Any] | float) -> None:
    """Fill the runs of a column with the values, in order, or with one value."""
    first = 0
    for each in runs:
        stop = first + len(each.starts) * each.length
        own = values[first:stop] if isinstance(values, np.ndarray) else values
        if each.length == 1:
            column[each.starts] = own
        else:
            # Row i of the view is the run that starts at i: numpy copies a run at a time.
            shape, step = (len(column) - each.length + 1, each.length), column.itemsize
            view = np.ndarray(shape, column.dtype, column, strides=(step, step))
            view[each.starts] = own.reshape(-1, each.length) if isinstance(own, np.ndarray) else own
        first = stop


def blocks_of(keys: RowKeys, least_rows: int) -> list[list[int]]:
    """Distribute pieces over blocks of `least_rows` rows or more (the last may have fewer), in the order of time."""
    if not len(keys):
        return []
    sizes = np.diff(keys.piece_starts)
    first, last = (of.reduceat(keys.end_codes, keys.piece_starts[:-1]) for of in (np.minimum, np.maximum))
    blocks: list[list[int]] = []
    rows, latest = least_rows, -1
    for piece in np.argsort(first, kind="stable").tolist():
        if rows >= least_rows and first[piece] > latest:
            blocks.append([])
            rows = 0
        blocks[-1].append(piece)
        rows, latest = rows + sizes[piece], max(latest, last[piece])
    return blocks


def run_starts(counts: Ints) -> Ints:
    """Return where each block's run of each group starts, from the rows (blocks, groups) of the runs."""
    in_order = np.cumsum(counts.T).reshape(counts.T.shape).T
    return in_order - counts


def placed(groups: Ints, ends: Ints, counts: Ints, starts: Ints) -> tuple[Ints, list[Runs]]:
    """Return an order of a block's rows in which they fill runs, shortest runs first, and the runs.

    Parameters
    ----------
    groups, ends : arrays of (rows,)
    counts, starts : arrays of (groups,)
        The rows of each group in the block, and the place of the first of them.
    """
    by_length = np.argsort(counts, kind="stable")[np.count_nonzero(counts == 0) :]
    rank = np.zeros(len(counts), np.int64)
    rank[by_length] = np.arange(len(by_length))
    first = int(ends.min())
    width = int(ends.max()) - first + 1
    order = radix_order(rank.take(groups) * width + (ends - first), len(by_length) * width)
    lengths, firsts = np.unique(counts[by_length], return_index=True)
    cut = np.split(starts[by_length], firsts[1:])
    return order, [Runs(of_length, length) for of_length, length in zip(cut, lengths.tolist(), strict=True)]


def radix_order(keys: Ints, count: int) -> Ints:
    """Return the stable sort order of keys below `count`, by radix sort of 16-bit digits."""
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    for shift in range(_RADIX_BITS, max(count - 1, 1).bit_length(), _RADIX_BITS):
        order = order.take(np.argsort((keys >> shift).astype(np.uint16).take(order), kind="stable"))
    return order


def by_piece(keys: RowKeys, block: Sequence[int], order: Ints, runs: list[Runs]) -> list[Placement]:
    """Distribute a block's rows over its pieces, whose rows of a group need not lie side by side."""
    if len(block) == 1:
        return [Placement(block[0], order, runs)]
    sizes = np.diff(keys.piece_starts)[block]
    stops = np.cumsum(sizes)
    apart = radix_order(np.repeat(np.arange(len(block)), sizes).take(order), len(block))
    places = np.concatenate([(each.starts[:, None] + np.arange(each.length)).ravel() for each in runs])
    return [
        Placement(piece, order.take(rows) - (stop - size), [Runs(places.take(rows), 1)])
        for piece, size, stop, rows in zip(block, sizes, stops, np.split(apart, stops[:-1]), strict=True)
    ]
