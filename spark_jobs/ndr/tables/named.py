"""Datasets whose partitions are replaced in place: a baseline by its horizon and end, an inventory by its month."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from pyarrow import fs

from ndr.contract.datasets import Dataset
from ndr.contract.manifest import MANIFEST_NAME, Manifest, Owner, check_owner
from ndr.contract.time import Interval
from ndr.store.manifest import read_manifest
from ndr.store.partition import baseline_end_of
from ndr.store.storage import join, list_names
from ndr.store.unregistered import Commit
from ndr.tables.published import Answering, Bounds, Rows, files_of, happened

_BASELINE = re.compile(r"horizon=([^/]+)/(end=[^/]+)")
_MONTH = re.compile(r"snapshot_month=(\d{4})-(\d{2})")


@dataclass(frozen=True)
class Named:
    """A dataset of partitions that answer alone.

    Attributes
    ----------
    levels : int
        Folders of a partition's path.
    shared : bool
        Whether several versions of a project have it in common, as the inventory of machines.
    """

    name: str
    prefix: str
    tables: tuple[Dataset, ...]
    owner: Owner
    levels: int = 2
    shared: bool = False

    def scope(self, commits: Iterable[Commit]) -> NamedScope:
        """Return the partitions of commits; all where another version may have registered some for itself."""
        if self.shared:
            return self.everything()
        return NamedScope(self, frozenset(commit.partition for commit in commits))

    def all_of(self, days: Interval) -> NamedScope:
        """Return all partitions."""
        return self.everything()

    def everything(self) -> NamedScope:
        """Return all partitions."""
        paths = [""]
        for _ in range(self.levels):
            paths = [
                f"{path}/{name}".lstrip("/")
                for path in paths
                for name in list_names(join(self.prefix, path), kind=fs.FileType.Directory)
                if not name.startswith("_")
            ]
        return NamedScope(self, frozenset(paths))

    def is_published(self, commit: Commit) -> bool:
        """Tell whether a commit happened, or can't happen any more."""
        return happened(self.prefix, commit)


@dataclass(frozen=True)
class NamedScope:
    """Partitions by their paths below the prefix."""

    of: Named
    partitions: frozenset[str]
    _manifests: dict[str, Manifest | None] = field(default_factory=dict, compare=False, repr=False)

    @property
    def days(self) -> frozenset[date]:
        """The days of the partitions: a baseline's end, the first of a month."""
        return frozenset(day for path in self.partitions if (day := _day_of(path)))

    def including(self, found: Iterable[Rows]) -> NamedScope:
        """Return the scope as it is: partitions share nothing."""
        return self

    def including_days(self, days: Iterable[date]) -> NamedScope:
        """Return the scope with all partitions of some days."""
        asked = set(days)
        more = {path for path in self.of.everything().partitions if _day_of(path) in asked}
        return NamedScope(self.of, self.partitions | more, self._manifests)

    def holds(self, rows: Rows) -> bool:
        """Tell whether rows are of the partitions."""
        return rows.partition in self.partitions

    def answering(self, table: Dataset) -> dict[Rows, Answering]:
        """Return the files that the manifests of the partitions name."""
        return dict(self._files(table))

    def _files(self, table: Dataset) -> Iterator[tuple[Rows, Answering]]:
        for path in sorted(self.partitions):
            manifest, day = self._manifest(path), _day_of(path)
            if manifest and day:
                yield from files_of(self.of.prefix, path, manifest, table, day, None, _bounds(path, table, manifest))

    def _manifest(self, path: str) -> Manifest | None:
        if path not in self._manifests:
            uri = join(self.of.prefix, path)
            manifest = read_manifest(uri, without_reads=True)
            if manifest:
                owner = None if self.of.shared else self.of.owner
                check_owner(join(uri, MANIFEST_NAME), manifest, self.of.name, owner)
            self._manifests[path] = manifest
        return self._manifests[path]


def _day_of(path: str) -> date | None:
    """Return the day of a partition by its path; None where the path is something else."""
    baseline, month = _BASELINE.fullmatch(path), _MONTH.fullmatch(path)
    if month:
        return date(int(month[1]), int(month[2]), 1)
    end = baseline_end_of(baseline[2]) if baseline else None
    return end.date() if end else None


def _bounds(path: str, table: Dataset, manifest: Manifest) -> Bounds:
    baseline = _BASELINE.fullmatch(path)
    if not baseline or table.time_column is None:
        return ()
    return (("baseline_horizon", baseline[1], baseline[1]), (table.time_column, manifest.end, manifest.end))
