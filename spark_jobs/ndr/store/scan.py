"""Reading the rows of a published table that answer for an interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyarrow as pa

from ndr.contract.datasets import (
    DELTAS,
    FG_A,
    FG_A_MACHINES,
    FG_C,
    FG_C_HOSTS,
    FG_C_PAIRS,
    FG_C_SCORES,
    PEER_DELTAS,
    QUARANTINE,
    Dataset,
)
from ndr.contract.manifest import InputEntry, Owner
from ndr.contract.time import Interval
from ndr.store.asked import Asked, read_schema
from ndr.store.catalog import Piece, published_pieces
from ndr.store.footer import PublishedFile
from ndr.store.read_ahead import in_bundles, read_ahead
from ndr.store.rows import fetch_rows
from ndr.store.storage import join

COMMITTED_WITH: Final = {
    **{table.name: DELTAS.name for table in (PEER_DELTAS, QUARANTINE)},
    FG_A_MACHINES.name: FG_A.name,
    **{table.name: FG_C for table in (FG_C_SCORES, FG_C_HOSTS, FG_C_PAIRS)},
}
"""Tables that are published in the partitions of another dataset."""
FoundFile = tuple[PublishedFile, Interval | None]
BUNDLE_ROWS: Final = 128 * 1024
"""Rows that are handled together: about a row group."""


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
        without_reads: bool = False,
        as_of: datetime | None = None,
    ) -> Scan:
        """Look up what is published below `prefix` for `interval`, of `owner` where one is given.

        Parameters
        ----------
        without_reads : bool
            Whether the manifests are kept without what their partitions were built from.
        as_of : datetime, optional
            Leaves out what was published later, as `published_pieces` does.

        Raises
        ------
        SchemaMismatchError
            A manifest that would answer can't be read, or is of another dataset, project or version.
        """
        of = COMMITTED_WITH.get(dataset.name, dataset.name)
        pieces = published_pieces(prefix, interval, of, owner, without_reads=without_reads, as_of=as_of)
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

    def published_files(self) -> list[FoundFile]:
        """Return what the manifests say of each file, and the interval to filter its rows by.

        Rows without a time can't be filtered: a partition of them that answers for any time gives all, once.
        """
        if self.dataset.time_column is None:
            whole = {piece.partition.uri: Piece(piece.partition, piece.partition.manifest.interval)
                     for piece in self.pieces}  # fmt: skip
            return _files_of(self.dataset, whole.values())
        return _files_of(self.dataset, self.pieces)

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
        tables = list(self.bundles(coded))
        return pa.concat_tables(tables) if tables else read_schema(self.dataset, self.columns, coded).empty_table()

    def bundles(
        self, coded: bool = False, may_lack: Sequence[str] = (), files: Sequence[FoundFile] | None = None
    ) -> Iterator[pa.Table]:
        """Read all rows, or those of some of the files, a bundle of files at a time, in time order.

        Small files are fetched concurrently, each once and whole, and many of them are one bundle. Memory holds a few
        bundles.

        Parameters
        ----------
        may_lack : sequence of str
            Columns that a file may be without; they are null there, or absent where no file of a bundle has them.
        files : sequence, optional
            Some of `published_files`.
        """

        asked = Asked(self.dataset, self.columns, coded, tuple(may_lack))
        wanted = self.published_files() if files is None else files
        return read_ahead(
            in_bundles(wanted, lambda found: found[0].rows, BUNDLE_ROWS), lambda found: fetch_rows(*found, asked)
        )


def _files_of(dataset: Dataset, pieces: Iterable[Piece]) -> list[FoundFile]:
    found: list[FoundFile] = []
    for piece in pieces:
        entry = piece.partition.manifest.tables.get(dataset.name)
        for file in entry.files if entry else ():
            published = PublishedFile(
                join(piece.partition.uri, file.path), file.rows, file.bytes, entry.schema_sha256 if entry else ""
            )
            found.append((published, None if piece.is_whole else piece.interval))
    return found
