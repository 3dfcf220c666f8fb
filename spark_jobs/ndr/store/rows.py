"""Reading the rows of one published file.

A small file is read whole, with one request, and parsed from memory. Of a large one only what is asked for is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.datasets import Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import Interval
from ndr.store.asked import Asked
from ndr.store.footer import PublishedFile, check_footer
from ndr.store.read_ahead import Fetched
from ndr.store.storage import filesystem, read_bytes

SMALL_FILE_BYTES: Final = 4 << 20
"""Up to this size, reading a file whole takes less time than asking for its parts one after the other."""


def is_small(file: PublishedFile) -> bool:
    """Tell whether a file is read whole."""
    return file.bytes <= SMALL_FILE_BYTES


def fetch_rows(
    file: PublishedFile, interval: Interval | None, asked: Asked, share: int = 0, shares: int = 1
) -> Fetched:
    """Fetch the rows of one file, or a share of them, as `row_groups` does.

    Returns
    -------
    callable
        Parses a small file, which is fetched whole. The rows of a large one are read by then.

    Raises
    ------
    SchemaMismatchError
        As `row_groups`, also when what is returned is called.
    """
    try:
        content = _content(file) if is_small(file) else None
    except FileNotFoundError as error:
        raise _unreadable(file, asked.dataset, error) from error

    def parse() -> pa.Table:
        groups = list(row_groups(file, interval, asked, share, shares, content))
        return pa.concat_tables(groups) if groups else asked.schema.empty_table()

    if content is not None:
        return parse
    rows = parse()
    return lambda: rows


def row_groups(
    file: PublishedFile,
    interval: Interval | None,
    asked: Asked,
    share: int = 0,
    shares: int = 1,
    content: bytes | None = None,
) -> Iterator[pa.Table]:
    """Read a file, or the `share`-th of `shares` of its row groups, a row group at a time.

    Parameters
    ----------
    file : PublishedFile
        What the manifest says of the file; it is verified.
    interval : Interval, optional
        The time whose rows are wanted, by the dataset's time column; all rows when left out.
    content : bytes, optional
        Of the file, where it was fetched.

    Raises
    ------
    SchemaMismatchError
        The file is gone, is not what its manifest says of it, or its columns differ from the contract.
    """
    dataset = asked.dataset
    try:
        with _reader(file, asked.text, content) as reader:
            chosen, groups = asked.chosen(file, reader.metadata), reader.num_row_groups
            of_time = interval if dataset.time_column else None
            leaves = [*chosen.leaves, *chosen.time] if of_time else chosen.leaves
            for group in range(share * groups // shares, (share + 1) * groups // shares):
                table = reader.read_row_group(group, column_indices=leaves, use_threads=False)
                if of_time:
                    table = table.filter(_within(table[dataset.time_column], of_time, dataset.is_window_end))
                yield _as(table, chosen.schema)
    except (FileNotFoundError, pa.ArrowException, KeyError) as error:
        raise _unreadable(file, dataset, error) from error


def copy_file(file: PublishedFile, dataset: Dataset, path: str) -> None:
    """Copy a small file as it is to a path of this machine.

    Parameters
    ----------
    file : PublishedFile
        What the manifest says of the file; it is verified.

    Raises
    ------
    SchemaMismatchError
        The file is gone, is not Parquet, or is not what its manifest says of it.
    """
    try:
        content = _content(file)
        check_footer(pq.read_metadata(pa.BufferReader(content)), file, len(content))
    except (FileNotFoundError, pa.ArrowException) as error:
        raise _unreadable(file, dataset, error) from error
    with open(path, "xb") as stream:
        stream.write(content)


def _content(file: PublishedFile) -> bytes:
    content = read_bytes(file.uri)
    if content is None:
        raise FileNotFoundError("it does not exist")
    return content


def _unreadable(file: PublishedFile, dataset: Dataset, error: Exception) -> SchemaMismatchError:
    return SchemaMismatchError(
        f"{file.uri} can't be read as {dataset.name} ({str(error).splitlines()[0]}); "
        "build its partition again with the same batch."
    )


@contextmanager
def opened(file: PublishedFile) -> Iterator[pq.ParquetFile]:
    """Open a file that a manifest names, and verify it.

    Raises
    ------
    FileNotFoundError
        It is gone.
    SchemaMismatchError
        It is not what the manifest says of it.
    """
    with _source(file) as source, pq.ParquetFile(source, pre_buffer=not is_small(file)) as parquet:
        check_footer(parquet.metadata, file, source.size())
        yield parquet


@contextmanager
def _reader(file: PublishedFile, text: list[str], content: bytes | None) -> Iterator[pq.ParquetReader]:
    """Open a file as `opened` does, but without a look at each column's name; `text` is read as codes."""
    with _source(file, content) as source:
        reader = pq.ParquetReader()
        reader.open(source, read_dictionary=text, pre_buffer=not is_small(file))
        check_footer(reader.metadata, file, source.size())
        yield reader


def _source(file: PublishedFile, content: bytes | None = None) -> pa.NativeFile:
    if is_small(file):
        return pa.BufferReader(_content(file) if content is None else content)
    system, path = filesystem(file.uri)
    return system.open_input_file(path)


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    if table.schema.equals(schema):
        return table
    chosen = table.select(schema.names)
    return chosen if chosen.schema.equals(schema) else chosen.cast(schema)


def _within(times: pa.ChunkedArray, interval: Interval, is_window_end: bool) -> pa.ChunkedArray:
    start, end = (pa.scalar(instant, times.type) for instant in (interval.start, interval.end))
    if is_window_end:
        return pc.and_(pc.greater(times, start), pc.less_equal(times, end))
    return pc.and_(pc.greater_equal(times, start), pc.less(times, end))
