"""One snapshot of a table that takes files out and puts files in, at a cost that does not grow with the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, ManifestContent, ManifestFile
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import ExpireSnapshots, _ManifestMergeManager, _OverwriteFiles

EXPIRED_AT: Final = 100
"""Snapshots of a table at which all but SNAPSHOTS_KEPT are expired."""
SNAPSHOTS_KEPT: Final = 20
MERGED_MANIFESTS: Final = 20
MANIFEST_BYTES: Final = 64 * 1024
"""A merged manifest is rewritten while it is smaller: some thousand files. So a merge costs the same in any year."""

PROPERTIES: Final = {
    "format-version": "2",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": str(MERGED_MANIFESTS),
    "commit.manifest.target-size-bytes": str(MANIFEST_BYTES),
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
    "write.parquet.compression-codec": "zstd",
    # A registration that meets another one starts again from the manifests: the same append could add a file twice.
    "commit.retry.num-retries": "0",
    # The files are those of the manifests: no engine may delete them when it expires snapshots or drops a table.
    "gc.enabled": "false",
}


@dataclass
class Changes:
    """What a snapshot changes."""

    added: list[DataFile] = field(default_factory=list)
    removed: list[DataFile] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


class TableChange(Transaction):
    """A transaction that computes the metadata it would leave once for each staged change.

    The library copies all of a table's metadata each time that it looks at it, some twenty times a commit.
    """

    _known: tuple[Any, TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        """The table's metadata with what is staged."""
        if self._known is None or self._known[0] is not self._updates:
            self._known = self._updates, super().table_metadata
        return self._known[1]


def commit_changes(transaction: Transaction, io: FileIO, changes: Changes, properties: Mapping[str, str]) -> None:
    """Stage one snapshot with the changes, and the expiry of old ones where there are many.

    Raises
    ------
    CommitFailedException
        Raised by the transaction's end: another registration has changed the table meanwhile.
    """
    snapshot = _Replacement(
        operation=Operation.OVERWRITE if changes.removed else Operation.APPEND,
        transaction=transaction,
        io=io,
        snapshot_properties=dict(properties),
    )
    for file in changes.added:
        snapshot.append_data_file(file)
    for file in changes.removed:
        snapshot.delete_data_file(file)
    snapshot.commit()
    expired = _expired(transaction)
    if expired:
        ExpireSnapshots(transaction).by_ids(expired).commit()


def _expired(transaction: Transaction) -> list[int]:
    snapshots = sorted(transaction.table_metadata.snapshots, key=lambda each: each.sequence_number or 0)
    return [each.snapshot_id for each in snapshots[:-SNAPSHOTS_KEPT]] if len(snapshots) >= EXPIRED_AT else []


class _Replacement(_OverwriteFiles):
    """An overwrite that merges manifests, as only appends of the library do."""

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        kept = [each for each in manifests if _has_files(each) or each.added_snapshot_id == self._snapshot_id]
        data = [each for each in kept if each.content == ManifestContent.DATA]
        merging = _ManifestMergeManager(
            target_size_bytes=MANIFEST_BYTES,
            min_count_to_merge=MERGED_MANIFESTS,
            merge_enabled=True,
            snapshot_producer=self,
        )
        return [*merging.merge_manifests(data), *(each for each in kept if each.content != ManifestContent.DATA)]


def _has_files(manifest: ManifestFile) -> bool:
    return bool(manifest.has_added_files() or manifest.has_existing_files())


def live_files(table: Table, days: Iterable[int]) -> list[DataFile]:
    """Return the files of the partitions of some days, which are counted from the epoch; only their manifests are read.

    Parameters
    ----------
    days : iterable of int
        Values of the partition column.
    """
    asked = set(days)
    snapshot = table.current_snapshot()
    return [
        entry.data_file
        for manifest in (snapshot.manifests(table.io) if snapshot and asked else ())
        if _has_files(manifest) and _may_have(manifest, min(asked), max(asked))
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
        if entry.data_file.partition[0] in asked
    ]


def _may_have(manifest: ManifestFile, first: int, last: int) -> bool:
    for summary in manifest.partitions or ():
        if summary.lower_bound is not None and summary.upper_bound is not None:
            lower, upper = (
                int.from_bytes(each, "little", signed=True) for each in (summary.lower_bound, summary.upper_bound)
            )
            return lower <= last and upper >= first
    return True
