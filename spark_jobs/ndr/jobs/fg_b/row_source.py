"""Rows of FG-A, readable piece by piece and column by column, from memory or from Parquet files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import TYPE_CHECKING, Final, Protocol, Self, runtime_checkable

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from ndr.contract.datasets import Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.jobs.fg_b.layout import GROUP_COLUMNS
from ndr.store.footer import PublishedFile, check_footer
from ndr.store.read_ahead import REQUESTS
from ndr.store.rows import copy_file, is_small
from ndr.store.storage import filesystem

if TYPE_CHECKING:
    from ndr.store.scan import Scan

TEXT_COLUMNS = ("host_ip", *GROUP_COLUMNS)
TIME_COLUMN = "window_end"
COVERAGE_COLUMN = "window_coverage"
# From so many rows on, a column is read from a file of its own faster than from a copy of several files together.
_LONG_FILE: Final = 1 << 14
# So many bytes are copied as they are; compressing costs more than writing, and is for what would fill a disk.
_PLAIN_BYTES: Final = 1 << 30


@runtime_checkable
class RowSource(Protocol):
    """A set of rows cut into pieces. Threads may read pieces at the same time."""

    @property
    def piece_rows(self) -> Sequence[int]:
        """Rows of each piece."""

    def read(self, piece: int, columns: Sequence[str]) -> pa.Table:
        """Return those of the columns that the piece has."""


class TableRows:
    """Rows in memory: each record batch is a piece."""

    def __init__(self, rows: pa.Table | Iterable[pa.RecordBatch]) -> None:
        self._batches = rows.to_batches() if isinstance(rows, pa.Table) else list(rows)

    @property
    def piece_rows(self) -> list[int]:
        return [batch.num_rows for batch in self._batches]

    def read(self, piece: int, columns: Sequence[str]) -> pa.Table:
        batch = self._batches[piece]
        return pa.Table.from_batches([batch.select([name for name in columns if name in batch.schema.names])])


class ParquetRows:
    """Rows in Parquet files: each row group is a piece. Text columns are read as dictionary codes.

    Parameters
    ----------
    paths : sequence of str
        Files, as `filesystem` names them.
    text_columns : sequence of str
        Columns to read as dictionary codes.
    filesystem : pyarrow.fs.FileSystem, optional
        This machine's files when left out.

    Raises
    ------
    SchemaMismatchError
        A file is missing, truncated or not Parquet.
    """

    def __init__(
        self, paths: Sequence[str], text_columns: Sequence[str], filesystem: fs.FileSystem | None = None
    ) -> None:
        self._filesystem = filesystem or fs.LocalFileSystem()
        self._text_columns = list(text_columns)
        self._pieces: list[tuple[str, pq.FileMetaData, int]] = []
        with ThreadPoolExecutor(REQUESTS) as pool:
            self.metadata = list(pool.map(self._metadata, paths))
        for path, metadata in zip(paths, self.metadata, strict=True):
            self._pieces += [(path, metadata, group) for group in range(metadata.num_row_groups)]

    def _metadata(self, path: str) -> pq.FileMetaData:
        try:
            return pq.read_metadata(path, filesystem=self._filesystem)
        except (OSError, pa.ArrowInvalid) as problem:
            raise SchemaMismatchError(
                f"{path} can't be read as Parquet ({str(problem).splitlines()[0]}): rebuild its partition."
            ) from problem

    @property
    def piece_rows(self) -> list[int]:
        return [metadata.row_group(group).num_rows for _, metadata, group in self._pieces]

    def read(self, piece: int, columns: Sequence[str]) -> pa.Table:
        path, metadata, group = self._pieces[piece]
        with pq.ParquetFile(
            path,
            metadata=metadata,
            read_dictionary=self._text_columns,
            filesystem=self._filesystem,
            pre_buffer=True,
        ) as file:
            present = set(metadata.schema.names)
            return file.read_row_group(group, [name for name in columns if name in present], use_threads=False)


class CopiedRows:
    """Rows that are copied to files of this machine, a piece each, since they are read a few columns at a time.

    Parameters
    ----------
    tables : iterable of Table
        Text as codes.
    folder : str
        An empty folder, which is not deleted here.
    """

    def __init__(self, tables: Iterable[pa.Table], folder: str) -> None:
        self._pieces: list[tuple[str, int, list[str]]] = []
        copied = 0
        for table in tables:
            if table.num_rows:
                path = os.path.join(folder, f"{len(self._pieces)}.arrow")
                one = table.unify_dictionaries().combine_chunks()
                compression = "lz4" if copied >= _PLAIN_BYTES else None
                options = pa.ipc.IpcWriteOptions(compression=compression, use_threads=False)
                with pa.ipc.new_file(path, one.schema, options=options) as file:
                    file.write_table(one)
                copied += os.path.getsize(path)
                self._pieces.append((path, one.num_rows, one.column_names))

    @property
    def piece_rows(self) -> list[int]:
        return [rows for _, rows, _ in self._pieces]

    def read(self, piece: int, columns: Sequence[str]) -> pa.Table:
        path, _, names = self._pieces[piece]
        # Reading costs less than mapping: the values are unpacked once, and pages of the file are none of this process.
        with pa.OSFile(path) as source:
            chosen = [place for place, name in enumerate(names) if name in columns]
            options = pa.ipc.IpcReadOptions(included_fields=chosen, use_threads=False)
            return pa.ipc.open_file(source, options=options).read_all()


class ScanRows:
    """Rows of a scan, in a `with` block.

    Columns are read as they are asked for: of large files that answer whole from the store, of small ones with many
    rows from copies on this machine's disk. All other files are read once, and copied to the disk a bundle at a time.
    """

    def __init__(self, scan: Scan) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ndr-fg-b-")
        files = scan.published_files()
        whole = [file for file, interval in files if interval is None]
        large = [file for file in whole if not is_small(file)]
        long = [file for file in whole if is_small(file) and file.rows >= _LONG_FILE]
        others = [found for found in files if found[1] is not None or found[0] not in {*large, *long}]
        system = filesystem(large[0].uri)[0] if large else None
        self._files = ParquetRows([filesystem(file.uri)[1] for file in large], TEXT_COLUMNS, system)
        for file, metadata in zip(large, self._files.metadata, strict=True):
            check_footer(metadata, file)
        metrics = [name for name in scan.columns if name not in (*TEXT_COLUMNS, TIME_COLUMN)]
        bundles = scan.bundles(coded=True, may_lack=metrics, files=others)
        self._parts: list[tuple[int, RowSource]] = []
        self.piece_rows: list[int] = []
        for rows in (self._files, self._copies(long, scan.dataset), CopiedRows(bundles, self._folder.name)):
            self._parts += [(piece, rows) for piece in range(len(rows.piece_rows))]
            self.piece_rows += rows.piece_rows

    def _copies(self, files: Sequence[PublishedFile], dataset: Dataset) -> ParquetRows:
        paths = [os.path.join(self._folder.name, f"{number}.parquet") for number in range(len(files))]
        with ThreadPoolExecutor(REQUESTS) as pool:
            list(pool.map(copy_file, files, repeat(dataset), paths))
        return ParquetRows(paths, TEXT_COLUMNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def read(self, piece: int, columns: Sequence[str]) -> pa.Table:
        own, rows = self._parts[piece]
        return rows.read(own, columns)
