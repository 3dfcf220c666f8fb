"""Compaction: the partitions that answer for a day put together, value for value, into one for each stretch of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ndr.contract.compacted import ages_of, covered_within, versions_within
from ndr.contract.datasets import Dataset
from ndr.contract.errors import PublishConflictError
from ndr.contract.lineage import answering
from ndr.contract.manifest import Answer, CompactedVersion, InputRange, Manifest, RowAccount
from ndr.contract.time import Interval
from ndr.store.catalog import Piece
from ndr.store.footer import PublishedFile
from ndr.store.manifest import read_manifest
from ndr.store.merge import SourceFile, merged_files
from ndr.store.partition import time_partition_uri
from ndr.store.pending_commit import Fence, PendingCommit
from ndr.store.publish import PartitionWriter
from ndr.store.storage import join
from ndr.store.stream import write_streamed
from ndr.store.unkeyed import copy_unkeyed_rows


@dataclass(frozen=True)
class Stretch:
    """Adjoining pieces of a dataset's partitions, in time order: what is published of a day without a gap."""

    pieces: tuple[Piece, ...]

    @property
    def interval(self) -> Interval:
        return Interval(self.pieces[0].interval.start, self.pieces[-1].interval.end)

    @property
    def is_compact(self) -> bool:
        """Tell whether one partition has it all."""
        return len({piece.partition.uri for piece in self.pieces}) == 1

    @property
    def versions(self) -> list[tuple[CompactedVersion, Answer, Manifest]]:
        """The versions that answer, in time order, what each answers for, and the manifest it was found in."""
        return [
            (version, answer, piece.partition.manifest)
            for piece in self.pieces
            for version, answer in versions_within(piece.partition.uri, piece.partition.manifest, piece.interval)
        ]


def stretches(pieces: Iterable[Piece]) -> list[Stretch]:
    """Cut pieces where time between them is not published, so that a compacted partition never hides a gap."""
    found: list[Stretch] = []
    for piece in sorted(pieces, key=lambda each: each.interval):
        if found and found[-1].interval.end == piece.interval.start:
            found[-1] = Stretch((*found[-1].pieces, piece))
        else:
            found.append(Stretch((piece,)))
    return found


@dataclass(frozen=True)
class Compaction:
    """The compaction of one stretch below a dataset's prefix.

    Raises
    ------
    PublishConflictError
        The partition to publish was published by another run since the pieces were looked up.
    """

    prefix: str
    stretch: Stretch
    tables: tuple[Dataset, ...]
    replaced: str | None
    """Run id of the manifest that is there now."""

    @classmethod
    def of(cls, prefix: str, stretch: Stretch, tables: Sequence[Dataset]) -> Compaction:
        there = read_manifest(time_partition_uri(prefix, stretch.interval))
        if there and _answers_beside(there, stretch):
            raise _overtaken(prefix, stretch)
        return cls(prefix, stretch, tuple(tables), there.run_id if there else None)

    def publish(
        self, fence: Fence, outdated: Mapping[tuple[str, str], tuple[InputRange, ...]], **facts: Any
    ) -> Manifest:
        """Write and commit the compacted partition.

        A partition that is published meanwhile answers over it. Only one of the same interval would be lost: it makes
        this run fail.

        Parameters
        ----------
        outdated : mapping
            By name, the `outdated_reads` of versions that are stale.
        facts
            The manifest's `reads`, `code_version` and the like.

        Raises
        ------
        SchemaMismatchError
            A file is gone, or is not what its manifest says of it.
        PublishConflictError
            The same partition was published by another run meanwhile.
        """
        writer = PartitionWriter(time_partition_uri(self.prefix, self.stretch.interval))
        unkeyed = {}
        for table in self.tables:
            if table.key:
                files = list(_files(self.stretch.pieces, table))
                write_streamed(writer, merged_files(files, table), table)
            else:
                unkeyed[table.name] = copy_unkeyed_rows(self.stretch.pieces, table, writer)
        return writer.commit(partial(self._checked, fence), **self._facts(unkeyed, outdated), **facts)

    def _checked(self, fence: Fence, pending: PendingCommit) -> None:
        fence(pending)
        there = read_manifest(time_partition_uri(self.prefix, self.stretch.interval))
        if (there.run_id if there else None) != self.replaced:
            raise _overtaken(self.prefix, self.stretch)

    def _facts(
        self,
        unkeyed: Mapping[str, Mapping[tuple[str, str], int]],
        outdated: Mapping[tuple[str, str], tuple[InputRange, ...]],
    ) -> dict[str, Any]:
        interval, found = self.stretch.interval, self.stretch.versions
        versions = {
            version.name: version.model_copy(
                update={
                    "unkeyed_rows": {table: rows[version.name] for table, rows in unkeyed.items()},
                    "outdated_reads": outdated.get(version.name, ()),
                }
            )
            for version, _, _ in found
        }
        first = self.stretch.pieces[0].partition.manifest
        covered = sum(covered_within(piece.partition.manifest, piece.interval) for piece in self.stretch.pieces)
        return {
            "dataset": first.dataset,
            "start": interval.start,
            "end": interval.end,
            "rows": _account(versions.values(), [answer for _, answer, _ in found]),
            "coverage": min(1.0, covered / interval.slice_count()),
            "compacted_from": tuple(answer for _, answer, _ in found),
            "compacted_versions": tuple(versions.values()),
        }


def _answers_beside(there: Manifest, stretch: Stretch) -> bool:
    """Tell whether a partition would answer for a part of a stretch where another one was found to."""
    known = {
        (piece.partition.uri, piece.partition.manifest.run_id): piece.partition.manifest for piece in stretch.pieces
    }
    if any(manifest.run_id == there.run_id for manifest in known.values()):
        return False
    competing = [there, *known.values()]
    return any(each is there for each, _ in answering(competing, stretch.interval, ages_of))


def _overtaken(prefix: str, stretch: Stretch) -> PublishConflictError:
    return PublishConflictError(
        f"{time_partition_uri(prefix, stretch.interval)} was published by another run while this one was about to "
        "compact it; it stays as it is, and the next run compacts it."
    )


def _account(versions: Iterable[CompactedVersion], answers: Sequence[Answer]) -> RowAccount | None:
    """Return the sum of the accounts; None where a version has none, or answers for a part of its time only."""
    total = RowAccount(rows_in=0, rows_used=0, rows_quarantined=0)
    for version in versions:
        answered = sum(each.interval.slice_count() for each in answers if (each.uri, each.run_id) == version.name)
        if version.rows is None or answered != Interval(version.start, version.end).slice_count():
            return None
        total += version.rows
    return total


def _files(pieces: Iterable[Piece], dataset: Dataset) -> Iterator[SourceFile]:
    for piece in pieces:
        entry = piece.partition.manifest.tables.get(dataset.name)
        for file in entry.files if entry else ():
            published = PublishedFile(
                join(piece.partition.uri, file.path), file.rows, file.bytes, entry.schema_sha256 if entry else ""
            )
            if file.rows:
                yield SourceFile(published, None if piece.is_whole else piece.interval)
