"""Reading the rows of a published table that answer for an interval."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.datasets import Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import InputEntry
from ndr.contract.time import Interval
from ndr.jobs.catalog import Piece, published_pieces
from ndr.jobs.publish import table_files
from ndr.jobs.schema import arrow_schema
from ndr.jobs.storage import filesystem

READ_THREADS: Final = 8  # small files wait on the store more than on the processor


@dataclass(frozen=True, slots=True)
class Scan:
    """What to read: the pieces of a dataset's partitions, and the columns of one of their tables."""

    dataset: Dataset
    pieces: tuple[Piece, ...]
    columns: tuple[str, ...]

    @classmethod
    def of(cls, prefix: str, dataset: Dataset, interval: Interval, columns: Sequence[str] | None = None) -> Scan:
        """Look up what is published below `prefix` for `interval`."""
        return cls(dataset, tuple(published_pieces(prefix, interval)), tuple(columns or dataset.column_names))

    @property
    def inputs(self) -> tuple[InputEntry, ...]:
        """The partitions read, each once, for the manifest of what is built from them."""
        return tuple({piece.partition.uri: piece.partition.as_input for piece in self.pieces}.values())

    def files(self) -> list[tuple[str, Interval | None]]:
        """Return file URIs, each with the interval to filter its rows by, or None where all rows answer."""
        return [
            (uri, None if piece.is_whole else piece.interval)
            for piece in self.pieces
            for uri in table_files(piece.partition.uri, piece.partition.manifest, self.dataset.name)
        ]

    def read(self) -> pa.Table:
        """Read all rows.

        Returns
        -------
        pyarrow.Table
            The asked columns in the contract's types, rows in no promised order.

        Raises
        ------
        SchemaMismatchError
            Names the file that is gone or whose columns differ from the contract.
        """
        schema = pa.schema([arrow_schema(self.dataset).field(name) for name in self.columns])
        with ThreadPoolExecutor(READ_THREADS) as pool:
            tables = list(pool.map(lambda file: self._read_file(file[0], file[1], schema), self.files()))
        return pa.concat_tables(tables) if tables else schema.empty_table()

    def _read_file(self, uri: str, interval: Interval | None, schema: pa.Schema) -> pa.Table:
        system, path = filesystem(uri)
        time_column = self.dataset.time_column
        extra = [time_column] if interval and time_column and time_column not in self.columns else []
        try:
            table = pq.read_table(path, filesystem=system, columns=[*self.columns, *extra], use_threads=False)
            if interval and time_column:
                table = table.filter(_within(table[time_column], interval, self.dataset.is_window_end))
            return table.select(list(self.columns)).cast(schema)
        except (FileNotFoundError, pa.ArrowException, KeyError) as error:
            raise SchemaMismatchError(
                f"{uri} can't be read as {self.dataset.name} ({str(error).splitlines()[0]}); "
                "build its partition again with the same batch."
            ) from error


def _within(times: pa.ChunkedArray, interval: Interval, is_window_end: bool) -> pa.ChunkedArray:
    start, end = (pa.scalar(instant, times.type) for instant in (interval.start, interval.end))
    if is_window_end:
        return pc.and_(pc.greater(times, start), pc.less_equal(times, end))
    return pc.and_(pc.greater_equal(times, start), pc.less(times, end))
