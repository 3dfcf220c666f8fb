"""Rows for quarantine, written as they come, so that memory is bounded however many there are."""

from __future__ import annotations

from types import TracebackType
from typing import Final

import pyarrow as pa

from ndr.contract.datasets import QUARANTINE
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema

_FILE_BYTES: Final = 8 << 20


class QuarantineFiles:
    """The quarantine table of a partition that is being written: a file for some megabytes of rows, at least one."""

    def __init__(self, writer: PartitionWriter) -> None:
        self._writer = writer
        self.held: list[pa.Table] = []

    def __enter__(self) -> QuarantineFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and (self.held or QUARANTINE.name not in self._writer.tables):
            self._write()

    def add(self, rows: pa.Table) -> None:
        """Take rows, in the order in which they are to be read."""
        if rows.num_rows:
            self.held.append(rows)
        if sum(table.nbytes for table in self.held) >= _FILE_BYTES:
            self._write()

    def _write(self) -> None:
        empty = arrow_schema(QUARANTINE).empty_table()
        self._writer.write(pa.concat_tables([empty, *self.held]), QUARANTINE)
        self.held = []
