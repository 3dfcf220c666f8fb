"""The published FG-A rows of a horizon as a row source: whole files by row group, cut ones filtered in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ndr.jobs.fg_b.row_columns import TEXT_COLUMNS, TIME_COLUMN
from ndr.jobs.fg_b.row_source import ParquetRows, RowSource, TableRows
from ndr.store.scan import Scan
from ndr.store.storage import filesystem


class ScanRows:
    """Rows of a scan. Files that answer whole are read column by column; the few cut ones are held in memory."""

    def __init__(self, scan: Scan) -> None:
        whole = [uri for uri, interval in scan.files() if interval is None]
        cut = Scan(scan.dataset, tuple(piece for piece in scan.pieces if not piece.is_whole), scan.columns)
        system = filesystem(whole[0])[0] if whole else None
        self._files = ParquetRows([filesystem(uri)[1] for uri in whole], TEXT_COLUMNS, system)
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
