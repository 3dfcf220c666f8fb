"""Merging files that are each in the order of a key, with memory for a bounded number of rows.

Each file is read once, and its rows are kept on the local disk, from where blocks of them are merged: the reader of a
Parquet file would hold a page of each column, of every file at once.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory
from typing import Any, Final

import pyarrow as pa

from ndr.contract.datasets import Dataset
from ndr.contract.time import Interval
from ndr.store.asked import Asked
from ndr.store.footer import PublishedFile
from ndr.store.rows import row_groups

MERGED_ROWS: Final = 256 * 1024
"""Rows of all files that are merged at once, a share for each file."""
LEAST_BLOCK: Final = 512
SPOOLERS: Final = 4


@dataclass
class _Run:
    """Sorted rows, of which the first are in memory: those of one block, and of the next when half of it is used."""

    blocks: Iterator[pa.Table]
    rows: pa.Table | None = None
    is_over: bool = False
    _largest: int = field(default=0, repr=False)

    def fill(self) -> None:
        while not self.is_over and (self.rows is None or 2 * self.rows.num_rows <= self._largest):
            block = next(self.blocks, None)
            if block is None:
                self.is_over = True
            elif block.num_rows:
                self._largest = max(self._largest, block.num_rows)
                self.rows = pa.concat_tables([self.rows, block]) if self.rows else block

    def take(self, key: Sequence[str], bound: tuple[Any, ...] | None) -> pa.Table | None:
        """Return the rows up to a key, or all, and keep the others."""
        if self.rows is None:
            return None
        rows = self.rows
        count = rows.num_rows if bound is None else _rows_up_to(rows, key, bound)
        self.rows = rows.slice(count) if count < rows.num_rows else None
        return rows.slice(0, count)


def merged_blocks(runs: Sequence[Iterator[pa.Table]], key: Sequence[str]) -> Iterator[pa.Table]:
    """Merge sorted runs of rows.

    Parameters
    ----------
    runs : sequence of iterator of Table
        Each yields its rows in the order of `key`, a block after the other, with the columns of the others.
    key : sequence of str
        Columns without nulls.

    Yields
    ------
    Table
        Sorted by `key`; no key is less than one of an earlier table. At most the rows of one and a half blocks of each
        run.
    """
    left = [_Run(blocks) for blocks in runs]
    while True:
        for run in left:
            run.fill()
        left = [run for run in left if run.rows is not None]
        if not left:
            return
        # Rows up to here can't come from a later block of any run.
        bounds = [_key_of(run.rows, key, run.rows.num_rows - 1) for run in left if run.rows and not run.is_over]
        ready = [rows for run in left if (rows := run.take(key, min(bounds, default=None))) is not None]
        yield pa.concat_tables(ready).sort_by([(name, "ascending") for name in key])


def _key_of(block: pa.Table, key: Sequence[str], row: int) -> tuple[Any, ...]:
    return tuple(block[name][row].as_py() for name in key)


def _rows_up_to(block: pa.Table, key: Sequence[str], bound: tuple[Any, ...]) -> int:
    return bisect_right(range(block.num_rows), bound, key=lambda row: _key_of(block, key, row))


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a published table, and the time whose rows are wanted of it; None: all."""

    file: PublishedFile
    interval: Interval | None


def merged_files(files: Sequence[SourceFile], dataset: Dataset) -> Iterator[pa.Table]:
    """Merge the rows of files of one dataset in the order of its key.

    The local disk holds all rows meanwhile, uncompressed.

    Yields
    ------
    Table
        As `merged_blocks`, about MERGED_ROWS rows at most.

    Raises
    ------
    SchemaMismatchError
        A file is gone, or is not what its manifest says of it.
    """
    rows = max(LEAST_BLOCK, MERGED_ROWS * 2 // 3 // max(1, len(files)))
    with TemporaryDirectory(prefix="ndr-merge-") as folder:
        paths = [os.path.join(folder, f"{number}.arrow") for number in range(len(files))]
        with ThreadPoolExecutor(SPOOLERS) as pool:
            asked = Asked(dataset, tuple(dataset.column_names))
            list(pool.map(lambda source, path: _spool(source, asked, path, rows), files, paths))
        yield from merged_blocks([_blocks(path) for path in paths], dataset.key)


def _spool(source: SourceFile, asked: Asked, path: str, rows: int) -> None:
    """Write the wanted rows of a file to the local disk, in blocks."""
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, asked.schema) as spool:
        for table in row_groups(source.file, source.interval, asked):
            spool.write_table(table, rows)


def _blocks(path: str) -> Iterator[pa.Table]:
    number = 0
    while True:
        # Opened for each block, since a process can't hold any number of files open.
        with pa.OSFile(path) as source, pa.ipc.open_file(source) as spool:
            if number == spool.num_record_batches:
                return
            block = pa.Table.from_batches([spool.get_batch(number)])
        yield block
        number += 1
