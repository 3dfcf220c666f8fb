"""Rows of FG-A, readable piece by piece and column by column, from memory or from Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from ndr.contract.errors import SchemaMismatchError
from ndr.jobs.fg_b.layout import GROUP_COLUMNS
from ndr.store.footer import check_footer
from ndr.store.scan import Scan
from ndr.store.storage import filesystem

TEXT_COLUMNS = ("host_ip", *GROUP_COLUMNS)
TIME_COLUMN = "window_end"


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
        self.metadata = [self._metadata(path) for path in paths]
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


class ScanRows:
    """Rows of a scan. Files that answer whole are read column by column; the few cut ones are held in memory."""

    def __init__(self, scan: Scan) -> None:
        whole = [file for file, interval in scan.published_files() if interval is None]
        cut = Scan(scan.dataset, tuple(piece for piece in scan.pieces if not piece.is_whole), scan.columns)
        system = filesystem(whole[0].uri)[0] if whole else None
        self._files = ParquetRows([filesystem(file.uri)[1] for file in whole], TEXT_COLUMNS, system)
        for file, metadata in zip(whole, self._files.metadata, strict=True):
            check_footer(metadata, metadata.schema.to_arrow_schema(), file)
        self._held = TableRows(cut.read())
        self._in_files = len(self._files.piece_rows)

    @property
    def piece_rows(self) -> list[int]:
        return [*self._files.piece_rows, *self._held.piece_rows]

    def read(self, piece: int, columns: Sequence[str]) -> pa.Table:
        if piece < self._in_files:
            return self._files.read(piece, columns)
        return self._held.read(piece - self._in_files, columns)


def one_slice_rows(rows: RowSource) -> TableRows:
    """Return the key columns of the 15m rows, which alone tell when a host was active, held in memory."""
    batches: list[pa.RecordBatch] = []
    for piece in range(len(rows.piece_rows)):
        keys = rows.read(piece, [*TEXT_COLUMNS, TIME_COLUMN])
        batches += keys.filter(pc.equal(keys["window_label"], "15m")).to_batches()
    return TableRows(batches)
