"""Reading the rows of one published file.

A small file is read whole, with one request, and parsed from memory. Of a large one only what is asked for is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.datasets import Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import Interval
from ndr.store.footer import PublishedFile, check_footer
from ndr.store.schema import arrow_schema, coded_schema
from ndr.store.storage import filesystem, read_bytes

SMALL_FILE_BYTES: Final = 4 << 20
"""Up to this size, reading a file whole takes less time than asking for its parts one after the other."""


def is_small(file: PublishedFile) -> bool:
    """Tell whether a file is read whole."""
    return file.bytes <= SMALL_FILE_BYTES


def read_schema(dataset: Dataset, columns: Sequence[str], coded: bool = False) -> pa.Schema:
    """Return the contract's types of some columns, text plain or as codes."""
    schema = coded_schema(dataset) if coded else arrow_schema(dataset)
    return pa.schema([schema.field(name) for name in columns])


def read_rows(
    file: PublishedFile,
    interval: Interval | None,
    dataset: Dataset,
    columns: Sequence[str],
    coded: bool = False,
    may_lack: Sequence[str] = (),
) -> pa.Table:
    """Read the rows of one file: all, or those that the interval holds by the dataset's time column.

    Raises
    ------
    SchemaMismatchError
        The file is gone, is not what its manifest says of it, or its columns differ from the contract.
    """
    groups = list(row_groups(file, interval, dataset, columns, coded=coded, may_lack=may_lack))
    return pa.concat_tables(groups) if groups else read_schema(dataset, columns, coded).empty_table()


def row_groups(
    file: PublishedFile,
    interval: Interval | None,
    dataset: Dataset,
    columns: Sequence[str],
    share: int = 0,
    shares: int = 1,
    coded: bool = False,
    may_lack: Sequence[str] = (),
) -> Iterator[pa.Table]:
    """Read a file, or the `share`-th of `shares` of its row groups, a row group at a time.

    Parameters
    ----------
    file : PublishedFile
        What the manifest says of the file; it is verified.
    may_lack : sequence of str
        Columns that are left out where the file does not have them.

    Raises
    ------
    SchemaMismatchError
        The file is gone, is not what its manifest says of it, or its columns differ from the contract.
    """
    time_column = dataset.time_column
    extra = [time_column] if interval and time_column and time_column not in columns else []
    schema = read_schema(dataset, columns, coded)
    text = [column.name for column in schema if pa.types.is_dictionary(column.type)]
    try:
        with opened(file, text) as parquet:
            if may_lack:
                lacking = set(may_lack) - set(parquet.metadata.schema.names)
                schema = pa.schema([column for column in schema if column.name not in lacking])
            groups = parquet.num_row_groups
            for group in range(share * groups // shares, (share + 1) * groups // shares):
                table = parquet.read_row_group(group, [*schema.names, *extra], use_threads=False)
                if interval and time_column:
                    table = table.filter(_within(table[time_column], interval, dataset.is_window_end))
                yield _as(table, schema)
    except (FileNotFoundError, pa.ArrowException, KeyError) as error:
        raise SchemaMismatchError(
            f"{file.uri} can't be read as {dataset.name} ({str(error).splitlines()[0]}); "
            "build its partition again with the same batch."
        ) from error


@contextmanager
def opened(file: PublishedFile, text_columns: Sequence[str] = ()) -> Iterator[pq.ParquetFile]:
    """Open a file that a manifest names, and verify it; `text_columns` are read as dictionary codes.

    Raises
    ------
    FileNotFoundError
        It is gone.
    SchemaMismatchError
        It is not what the manifest says of it.
    """
    if is_small(file):
        content = read_bytes(file.uri)
        if content is None:
            raise FileNotFoundError("it does not exist")
        source: pa.NativeFile = pa.BufferReader(content)
    else:
        system, path = filesystem(file.uri)
        source = system.open_input_file(path)
    text = list(text_columns)
    with source, pq.ParquetFile(source, pre_buffer=not is_small(file), read_dictionary=text) as parquet:
        check_footer(parquet.metadata, file, source.size())
        yield parquet


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    chosen = table.select(schema.names)
    return chosen if chosen.schema.equals(schema) else chosen.cast(schema)


def _within(times: pa.ChunkedArray, interval: Interval, is_window_end: bool) -> pa.ChunkedArray:
    start, end = (pa.scalar(instant, times.type) for instant in (interval.start, interval.end))
    if is_window_end:
        return pc.and_(pc.greater(times, start), pc.less_equal(times, end))
    return pc.and_(pc.greater_equal(times, start), pc.less(times, end))
