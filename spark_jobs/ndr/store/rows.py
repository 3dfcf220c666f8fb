"""Reading the rows of one published file.

A small file is read whole, with one request, and parsed from memory. Of a large one only what is asked for is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.datasets import Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import Interval
from ndr.store.footer import PublishedFile, check_footer, schema_sha256
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


@dataclass(frozen=True)
class Asked:
    """What to take of a dataset's files: some columns, text plain or as codes.

    `may_lack` are columns that are left out where a file does not have them.
    """

    dataset: Dataset
    columns: tuple[str, ...]
    coded: bool = False
    may_lack: tuple[str, ...] = ()

    @cached_property
    def schema(self) -> pa.Schema:
        """The contract's types of the columns."""
        return read_schema(self.dataset, self.columns, self.coded)

    @cached_property
    def text(self) -> list[str]:
        """The columns to read as codes."""
        return [column.name for column in self.schema if pa.types.is_dictionary(column.type)]

    @cached_property
    def digest(self) -> str:
        """The digest of the schema of a file that lacks nothing."""
        return schema_sha256(arrow_schema(self.dataset))

    def schema_of(self, file: PublishedFile, parquet: pq.ParquetFile) -> pa.Schema:
        """Return the schema without the columns that a file lacks and may lack."""
        if not self.may_lack or file.schema_sha256 == self.digest:
            return self.schema
        lacking = set(self.may_lack).difference(parquet.metadata.schema.names)
        return pa.schema([column for column in self.schema if column.name not in lacking])


def read_rows(file: PublishedFile, interval: Interval | None, asked: Asked) -> pa.Table:
    """Read the rows of one file: all, or those that the interval holds by the dataset's time column.

    Raises
    ------
    SchemaMismatchError
        The file is gone, is not what its manifest says of it, or its columns differ from the contract.
    """
    groups = list(row_groups(file, interval, asked))
    return pa.concat_tables(groups) if groups else asked.schema.empty_table()


def row_groups(
    file: PublishedFile, interval: Interval | None, asked: Asked, share: int = 0, shares: int = 1
) -> Iterator[pa.Table]:
    """Read a file, or the `share`-th of `shares` of its row groups, a row group at a time.

    Parameters
    ----------
    file : PublishedFile
        What the manifest says of the file; it is verified.

    Raises
    ------
    SchemaMismatchError
        The file is gone, is not what its manifest says of it, or its columns differ from the contract.
    """
    dataset = asked.dataset
    time_column = dataset.time_column
    extra = [time_column] if interval and time_column and time_column not in asked.columns else []
    try:
        with opened(file, asked.text) as parquet:
            schema, groups = asked.schema_of(file, parquet), parquet.num_row_groups
            _refuse_lacking(file, asked, schema, parquet)
            for group in range(share * groups // shares, (share + 1) * groups // shares):
                table = parquet.read_row_group(group, [*schema.names, *extra], use_threads=False)
                if interval and time_column:
                    table = table.filter(_within(table[time_column], interval, dataset.is_window_end))
                yield _as(table, schema)
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


def _refuse_lacking(file: PublishedFile, asked: Asked, schema: pa.Schema, parquet: pq.ParquetFile) -> None:
    if file.schema_sha256 == asked.digest:
        return
    present = set(parquet.schema_arrow.names)
    lacking = [name for name in schema.names if name not in present]
    if lacking:
        raise SchemaMismatchError(
            f"{file.uri} has no {' and no '.join(lacking)}, which {asked.dataset.name} of this release have: an "
            "earlier release wrote it. Build its partition again with the same batch."
        )


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
        source: pa.NativeFile = pa.BufferReader(_content(file))
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
