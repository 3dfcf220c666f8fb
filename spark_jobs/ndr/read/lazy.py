"""A table that DuckDB scans by itself: it asks for the columns and the filter of a query, and only these are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from ndr.read.source import Source, scanned


class Failures(list[Exception]):
    """What went wrong while DuckDB scanned: DuckDB tells an error's text, and not the error."""


class LazyTable(ds.FileSystemDataset):  # type: ignore[misc]
    """An Arrow dataset without files of its own: a scan reads from a source, with columns and filter pushed down.

    DuckDB scans Arrow datasets through `scanner` alone.
    """

    @classmethod
    def of(cls, source: Source, failures: Failures) -> LazyTable:
        """Return the table of a source; what fails in a scan is added to `failures`."""
        table = cls([], source.schema, ds.ParquetFileFormat())
        table.source, table.failures = source, failures
        return table

    def scanner(
        self, columns: list[str] | None = None, filter: pc.Expression | None = None, **_: Any
    ) -> ds.Scanner:  # the names are Arrow's
        names = self.schema.names if columns is None else columns
        schema = pa.schema([self.schema.field(name) for name in names])
        return ds.Scanner.from_batches(self._batches(names, filter), schema=schema)

    def _batches(self, columns: list[str], keep: pc.Expression | None) -> Iterator[pa.RecordBatch]:
        try:
            for table in scanned(self.source, columns, keep):
                yield from table.to_batches()
        except Exception as error:
            self.failures.append(error)
            raise
