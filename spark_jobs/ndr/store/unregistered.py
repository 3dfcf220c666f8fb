"""Commits that the Iceberg tables do not have yet: a marker for each, put before the commit.

So a run that ends between its commit and the registration leaves a marker, by which the next run catches up. Where no
catalog of tables is configured there are no markers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ndr.contract.tables import TABLES_FOLDER, TablesCatalog
from ndr.store.storage import delete_file, filesystem, join, list_files, put_bytes

_MARKERS: Final = "unregistered"
_LEVELS: Final = {"snapshot_month": 1}
"""Folders between a prefix and its partitions, by what the name of a partition's folder begins with; two otherwise."""


@dataclass(frozen=True, slots=True, order=True)
class Commit:
    """A commit: the partition's path below the prefix, and the run that publishes it."""

    partition: str
    run_id: str


def announce(partition_uri: str, run_id: str) -> None:
    """Put the marker of a commit that is about to happen, where a catalog of tables is configured."""
    if TablesCatalog.in_environment() is None:
        return
    parts = partition_uri.rstrip("/").split("/")
    levels = _LEVELS.get(parts[-1].partition("=")[0], 2)
    prefix, partition = "/".join(parts[:-levels]), "/".join(parts[-levels:])
    put_bytes(_marker(prefix, Commit(partition, run_id)), b"")


def unregistered(prefix: str) -> list[Commit]:
    """Return the commits below a prefix that were announced and are not settled, in order of their partitions."""
    folder = join(prefix, TABLES_FOLDER, _MARKERS)
    base = filesystem(folder)[1]
    paths = (str(info.path).removeprefix(f"{base}/").rpartition("/") for info in list_files(folder, recursive=True))
    return sorted(Commit(partition, run_id) for partition, _, run_id in paths if partition)


def settle(prefix: str, commits: Iterable[Commit]) -> None:
    """Delete the markers of commits that are registered, or that will not happen."""
    for commit in commits:
        delete_file(_marker(prefix, commit))


def _marker(prefix: str, commit: Commit) -> str:
    return join(prefix, TABLES_FOLDER, _MARKERS, commit.partition, commit.run_id)
