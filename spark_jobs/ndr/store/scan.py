"""Reading the rows of a published table that answer for an interval."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.datasets import DELTAS, PEER_DELTAS, QUARANTINE, Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import InputEntry, Owner
from ndr.contract.time import Interval
from ndr.store.catalog import Piece, published_pieces
from ndr.store.footer import PublishedFile, check_footer
from ndr.store.schema import arrow_schema, coded_schema
from ndr.store.storage import filesystem, join

_COMMITTED_WITH: Final = {table.name: DELTAS.name for table in (PEER_DELTAS, QUARANTINE)}
"""Tables that are published in the partitions of another dataset."""
READ_THREADS: Final = 8  # small files wait on the store more than on the processor


@dataclass(frozen=True, slots=True)
class Scan:
    """What to read: the pieces of a dataset's partitions, and the columns of one of their tables."""

    dataset: Dataset
    pieces: tuple[Piece, ...]
    columns: tuple[str, ...]

    @classmethod
    def of(
        cls,
        prefix: str,
        dataset: Dataset,
        interval: Interval,
        columns: Sequence[str] | None = None,
        owner: Owner | None = None,
    ) -> Scan:
        """Look up what is published below `prefix` for `interval`, of `owner` where one is given.

        Raises
        ------
        SchemaMismatchError
            A manifest that would answer can't be read, or is of another dataset, project or version.
        """
        pieces = published_pieces(prefix, interval, _COMMITTED_WITH.get(dataset.name, dataset.name), owner)
        return cls(dataset, tuple(pieces), tuple(columns or dataset.column_names))

    def within(self, interval: Interval) -> Scan:
        """Return the part of the scan that answers for `interval`."""
        cut = ((piece.partition, piece.interval.intersection(interval)) for piece in self.pieces)
        return Scan(self.dataset, tuple(Piece(partition, part) for partition, part in cut if part), self.columns)

    @property
    def inputs(self) -> tuple[InputEntry, ...]:
        """The partitions read, each once, for the manifest of what is built from them."""
        return tuple({piece.partition.uri: piece.partition.as_input for piece in self.pieces}.values())

    def files(self) -> list[tuple[str, Interval | None]]:
        """Return file URIs, each with the interval to filter its rows by, or None where all rows answer."""
        return [(file.uri, interval) for file, interval in self.published_files()]

    def published_files(self) -> list[tuple[PublishedFile, Interval | None]]:
        """Return what the manifests say of each file, and the interval to filter its rows by."""
        found = []
        for piece in self.pieces:
            entry = piece.partition.manifest.tables.get(self.dataset.name)
            for file in entry.files if entry else ():
                published = PublishedFile(
                    join(piece.partition.uri, file.path), file.rows, file.bytes, entry.schema_sha256 if entry else ""
                )
                found.append((published, None if piece.is_whole else piece.interval))
        return found

    def read(self, coded: bool = False) -> pa.Table:
        """Read all rows.

        Parameters
        ----------
        coded : bool
            Text as codes, which a file holds anyway; plain otherwise.

        Returns
        -------
        pyarrow.Table
            The asked columns in the contract's types, rows in no promised order.

        Raises
        ------
        SchemaMismatchError
            Names the file that is gone or whose columns differ from the contract.
        """
        tables = self.each_file(lambda rows: rows, coded)
        return pa.concat_tables(tables) if tables else read_schema(self.dataset, self.columns, coded).empty_table()

    def each_file(self, condense: Callable[[pa.Table], pa.Table], coded: bool = False) -> list[pa.Table]:
        """Read all rows, of which memory keeps what `condense` makes of those of each file."""

        def one(found: tuple[PublishedFile, Interval | None]) -> pa.Table:
            file, interval = found
            return condense(read_rows(file.uri, interval, self.dataset, self.columns, coded, file))

        with ThreadPoolExecutor(READ_THREADS) as pool:
            return list(pool.map(one, self.published_files()))


def read_schema(dataset: Dataset, columns: Sequence[str], coded: bool = False) -> pa.Schema:
    """Return the contract's types of some columns, text plain or as codes."""
    schema = coded_schema(dataset) if coded else arrow_schema(dataset)
    return pa.schema([schema.field(name) for name in columns])


def read_rows(
    uri: str,
    interval: Interval | None,
    dataset: Dataset,
    columns: Sequence[str],
    coded: bool = False,
    published: PublishedFile | None = None,
) -> pa.Table:
    """Read the rows of one file: all, or those that the interval holds by the dataset's time column.

    Raises
    ------
    SchemaMismatchError
        The file is gone, is not what its manifest says of it, or its columns differ from the contract.
    """
    schema = read_schema(dataset, columns, coded)
    groups = row_groups(uri, interval, dataset, columns, coded=coded, published=published)
    return pa.concat_tables([schema.empty_table(), *groups])


def row_groups(
    uri: str,
    interval: Interval | None,
    dataset: Dataset,
    columns: Sequence[str],
    share: int = 0,
    shares: int = 1,
    coded: bool = False,
    published: PublishedFile | None = None,
) -> Iterator[pa.Table]:
    """Read a file, or the `share`-th of `shares` of its row groups, a row group at a time.

    Parameters
    ----------
    published : PublishedFile, optional
        What the manifest says of the file, to be verified.

    Raises
    ------
    SchemaMismatchError
        The file is gone, is not what its manifest says of it, or its columns differ from the contract.
    """
    system, path = filesystem(uri)
    time_column = dataset.time_column
    extra = [time_column] if interval and time_column and time_column not in columns else []
    schema = read_schema(dataset, columns, coded)
    text = [column.name for column in schema if pa.types.is_dictionary(column.type)]
    try:
        with (
            system.open_input_file(path) as source,
            pq.ParquetFile(source, pre_buffer=True, read_dictionary=text) as file,
        ):
            if published:
                check_footer(file.metadata, file.schema_arrow, published, source.size())
            groups = file.num_row_groups
            for group in range(share * groups // shares, (share + 1) * groups // shares):
                table = file.read_row_group(group, [*columns, *extra], use_threads=False)
                if interval and time_column:
                    table = table.filter(_within(table[time_column], interval, dataset.is_window_end))
                yield table.select(list(columns)).cast(schema)
    except (FileNotFoundError, pa.ArrowException, KeyError) as error:
        raise SchemaMismatchError(
            f"{uri} can't be read as {dataset.name} ({str(error).splitlines()[0]}); "
            "build its partition again with the same batch."
        ) from error


def _within(times: pa.ChunkedArray, interval: Interval, is_window_end: bool) -> pa.ChunkedArray:
    start, end = (pa.scalar(instant, times.type) for instant in (interval.start, interval.end))
    if is_window_end:
        return pc.and_(pc.greater(times, start), pc.less_equal(times, end))
    return pc.and_(pc.greater_equal(times, start), pc.less(times, end))
