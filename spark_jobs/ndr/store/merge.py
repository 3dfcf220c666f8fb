"""Merging files that are each in the order of a key, with memory for a bounded number of rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.datasets import Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import Interval
from ndr.store.footer import PublishedFile, check_footer
from ndr.store.schema import arrow_schema
from ndr.store.storage import filesystem, read_bytes

MERGED_ROWS: Final = 384 * 1024
"""Rows of all files that are in memory at once, a share for each file."""
LEAST_BLOCK: Final = 512
WHOLE_BYTES: Final = 1024 * 1024
"""A file of at most this size is read by one request."""
OPENERS: Final = 16


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
        Sorted by `key`; no key is less than one of an earlier table. At most the rows of one block of each run.
    """
    left = {place: block for place, run in enumerate(runs) if (block := _next_block(run)) is not None}
    while left:
        bound = min(_key_of(block, key, block.num_rows - 1) for block in left.values())
        ready = []
        for place, block in list(left.items()):
            count = _rows_up_to(block, key, bound)
            ready.append(block.slice(0, count))
            rest = block.slice(count) if count < block.num_rows else _next_block(runs[place])
            if rest is None:
                del left[place]
            else:
                left[place] = rest
        yield pa.concat_tables(ready).sort_by([(name, "ascending") for name in key])


def _next_block(run: Iterator[pa.Table]) -> pa.Table | None:
    return next((block for block in run if block.num_rows), None)


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

    Yields
    ------
    Table
        As `merged_blocks`, about MERGED_ROWS rows at most.

    Raises
    ------
    SchemaMismatchError
        A file is gone, or is not what its manifest says of it.
    """
    rows = max(LEAST_BLOCK, MERGED_ROWS // max(1, len(files)))
    with ExitStack() as opened, ThreadPoolExecutor(OPENERS) as pool:
        parquets = [opened.enter_context(parquet) for parquet in pool.map(_open, files)]
        runs = [_blocks(source, parquet, dataset, rows) for source, parquet in zip(files, parquets, strict=True)]
        yield from merged_blocks(runs, dataset.key)


def _open(source: SourceFile) -> pq.ParquetFile:
    """Open a file and check it against its manifest."""
    published = source.file
    system, path = filesystem(published.uri)
    try:
        if published.bytes <= WHOLE_BYTES:
            content = read_bytes(published.uri)
            if content is None:
                raise FileNotFoundError(published.uri)
            parquet, size = pq.ParquetFile(pa.BufferReader(content)), len(content)
        else:
            stream = system.open_input_file(path)
            parquet, size = pq.ParquetFile(stream, pre_buffer=True), stream.size()
    except (FileNotFoundError, pa.ArrowException) as error:
        raise SchemaMismatchError(
            f"{published.uri} can't be read ({str(error).splitlines()[0]}); "
            "build its partition again with the same batch."
        ) from error
    check_footer(parquet.metadata, published, size)
    return parquet


def _blocks(source: SourceFile, parquet: pq.ParquetFile, dataset: Dataset, rows: int) -> Iterator[pa.Table]:
    schema = arrow_schema(dataset)
    for batch in parquet.iter_batches(rows, columns=schema.names, use_threads=False):
        table = pa.Table.from_batches([batch]).select(schema.names).cast(schema)
        yield table if source.interval is None else _within(table, source.interval, dataset)


def _within(table: pa.Table, interval: Interval, dataset: Dataset) -> pa.Table:
    times = table[str(dataset.time_column)]
    start, end = (pa.scalar(instant, times.type) for instant in (interval.start, interval.end))
    if dataset.is_window_end:
        return table.filter(pc.and_(pc.greater(times, start), pc.less_equal(times, end)))
    return table.filter(pc.and_(pc.greater_equal(times, start), pc.less(times, end)))
