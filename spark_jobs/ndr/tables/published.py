"""What the tables of a dataset must hold: the files that answer, by the manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from ndr.contract.datasets import Dataset
from ndr.contract.manifest import Manifest, Owner
from ndr.contract.time import Interval
from ndr.store.footer import PublishedFile
from ndr.store.manifest import read_manifest
from ndr.store.storage import join
from ndr.store.sweep import RUN_TIME
from ndr.store.unregistered import Commit

Bounds = tuple[tuple[str, Any, Any], ...]
"""Of columns whose values are known without a look into the file: name, least and greatest value."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table: those of a published file, all or those of a part of its time.

    Attributes
    ----------
    day : date
        The table's partition that has them.
    partition, file : str
        Path of the published partition below the dataset's prefix, and of the file below the partition.
    part : Interval or None
        The time whose rows they are; None: all rows of the file.
    """

    day: date
    partition: str
    file: str
    part: Interval | None = None


@dataclass(frozen=True, slots=True)
class Answering:
    """What the manifest says of the file that rows are from, and the bounds of columns that are known of the rows."""

    file: PublishedFile
    bounds: Bounds


class Scope(Protocol):
    """A part of a dataset, with all the rows that its tables have of it or must have."""

    @property
    def days(self) -> frozenset[date]:
        """The partitions of the tables that it touches."""

    def including(self, found: Iterable[Rows]) -> Scope:
        """Return the scope with the whole time of rows that were found in a table and share time with it."""

    def including_days(self, days: Iterable[date]) -> Scope:
        """Return the scope with all of some days."""

    def holds(self, rows: Rows) -> bool:
        """Tell whether rows that were found in a table are of the scope."""

    def answering(self, table: Dataset) -> dict[Rows, Answering]:
        """Return the rows that answer.

        Raises
        ------
        SchemaMismatchError
            A manifest can't be read.
        """


class Published(Protocol):
    """A dataset: its prefix, and the tables that its partitions hold.

    `levels` are the folders between the prefix and the files of a partition.
    """

    @property
    def name(self) -> str: ...
    @property
    def prefix(self) -> str: ...
    @property
    def tables(self) -> tuple[Dataset, ...]: ...
    @property
    def owner(self) -> Owner: ...
    @property
    def levels(self) -> int: ...

    def scope(self, commits: Iterable[Commit]) -> Scope:
        """Return what commits may have changed."""

    def all_of(self, days: Interval) -> Scope:
        """Return all that is of some days; everything where partitions are not of days."""

    def is_published(self, commit: Commit) -> bool:
        """Tell whether a commit happened, or can't happen any more because a later run has published its partition."""


def happened(prefix: str, commit: Commit) -> bool:
    """Tell whether a commit happened, or can't happen any more because a run that began later published its partition.

    Two runs of a partition that began in one second are not told apart: leases keep them from it.
    """
    manifest = read_manifest(join(prefix, commit.partition), without_reads=True)
    return manifest is not None and manifest.run_id[:RUN_TIME] >= commit.run_id[:RUN_TIME]


def files_of(
    prefix: str, partition: str, manifest: Manifest, table: Dataset, day: date, part: Interval | None, bounds: Bounds
) -> Iterator[tuple[Rows, Answering]]:
    """Yield the files of a table of a partition, but those without rows."""
    entry = manifest.tables.get(table.name)
    for file in entry.files if entry else ():
        if file.rows:
            uri = join(prefix, partition, file.path)
            published = PublishedFile(uri, file.rows, file.bytes, entry.schema_sha256 if entry else "")
            yield Rows(day, partition, file.path, part), Answering(published, bounds)
