"""Which published partitions answer for an interval.

Batches may overlap: a day loaded in bulk, then one of its slices rebuilt. For every instant the partition published
last answers, whole.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyarrow import fs

from ndr.contract.compacted import Age, ages_of, covered_within, delivered_within
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.lineage import Answers, answering, answers_of
from ndr.contract.manifest import MANIFEST_NAME, InputEntry, Manifest, Owner, check_owner, parse_manifest
from ndr.contract.time import EPOCH, Interval, interval_of
from ndr.store.manifest import readable_manifest
from ndr.store.partition import baseline_end_of, baseline_partition_uri
from ndr.store.partition_folders import manifest_folders
from ndr.store.read_ahead import fetch_ahead
from ndr.store.storage import join, list_names, modified_at, read_bytes

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Partition:
    """A published partition: where it lies and its manifest."""

    uri: str
    manifest: Manifest

    @property
    def as_input(self) -> InputEntry:
        return InputEntry(uri=self.uri, run_id=self.manifest.run_id)


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a partition that answers: rows whose time lies in `interval`."""

    partition: Partition
    interval: Interval

    @property
    def is_whole(self) -> bool:
        return self.interval == self.partition.manifest.interval


@dataclass(frozen=True, slots=True)
class _Found:
    """A partition's folder as it was found: its manifest, or the error that reading it raised."""

    uri: str
    ages: list[tuple[Interval, Age]]
    manifest: Manifest | None
    error: SchemaMismatchError | None = None

    def ages_at(self, as_of: datetime | None) -> list[tuple[Interval, Age]]:
        """Return the parts that were published by `as_of`, or all of them."""
        return [(part, age) for part, age in self.ages if as_of is None or age[0] <= as_of]


def published_pieces(
    prefix: str,
    wanted: Interval,
    dataset: str | None = None,
    owner: Owner | None = None,
    *,
    pass_over_unreadable: bool = False,
    without_reads: bool = False,
    as_of: datetime | None = None,
) -> list[Piece]:
    """Find the partitions below a dataset's prefix that answer for `wanted`.

    Parameters
    ----------
    dataset, owner : optional
        What the partitions must be of.
    pass_over_unreadable : bool
        Whether a manifest that can't be read leaves a gap, which the log names, rather than raise.
    without_reads : bool
        Whether the manifests are kept without what their partitions were built from: a manifest of FG-A names some
        150 partitions of deltas, and a month of slices has thousands of manifests.
    as_of : datetime, optional
        Leaves out what was published later. Of a partition that was published again since, the manifest tells the last
        version alone, so that an earlier version of it does not answer.

    Raises
    ------
    SchemaMismatchError
        A manifest that would answer is not one, or is of another dataset, project or version. One that is older than
        what answers is not needed, and is only named in the log.
    """
    places = [
        (uri, interval)
        for uri in manifest_folders(prefix, wanted)
        if (interval := interval_of(uri.rpartition("/")[2])) and interval.intersection(wanted)
    ]
    contents = fetch_ahead([uri for uri, _ in places], lambda uri: read_bytes(join(uri, MANIFEST_NAME)))
    found = [
        _found(uri, interval, content, dataset, owner, without_reads)
        for (uri, interval), content in zip(places, contents, strict=True)
        if content is not None
    ]
    cut = answering(found, wanted, lambda each: each.ages_at(as_of))
    needed = [] if pass_over_unreadable else [each for each, _ in cut]
    _refuse_unreadable(found, needed)
    return [Piece(Partition(each.uri, each.manifest), part) for each, part in cut if each.manifest]


def _found(
    uri: str, interval: Interval, content: bytes, dataset: str | None, owner: Owner | None, without_reads: bool
) -> _Found:
    manifest = None
    try:
        manifest = parse_manifest(join(uri, MANIFEST_NAME), content, without_reads)
        if manifest.interval != interval:
            raise SchemaMismatchError(
                f"{join(uri, MANIFEST_NAME)} answers for {manifest.interval}, but its folder is that of {interval}; "
                "publish the partition again."
            )
        check_owner(join(uri, MANIFEST_NAME), manifest, dataset or manifest.dataset, owner)
        return _Found(uri, ages_of(manifest), manifest)
    except SchemaMismatchError as error:
        published_at = manifest.published_at if manifest else modified_at(join(uri, MANIFEST_NAME))
        return _Found(uri, [(interval, (published_at, "", EPOCH))], None, error)


def _refuse_unreadable(found: Sequence[_Found], needed: Sequence[_Found]) -> None:
    for each in found:
        if each.error and any(each is other for other in needed):
            raise each.error
        if each.error:
            _LOG.warning("passed over: %s", each.error)


def pieces_answers(pieces: Iterable[Piece]) -> Answers:
    """Return what answers, for the lineage of what is built from it."""
    return Answers(
        tuple(
            answer
            for piece in pieces
            for answer in answers_of(piece.partition.uri, piece.partition.manifest, piece.interval)
        )
    )


def pieces_coverage(pieces: Iterable[Piece], wanted: Interval) -> float:
    """Return the share of `wanted`, in [0, 1], that published pieces cover, each weighed with its own coverage."""
    # In slices, divided once: a full horizon is then exactly 1, and nine of thirty days exactly 0.3.
    return sum(covered_within(piece.partition.manifest, piece.interval) for piece in pieces) / wanted.slice_count()


def delivered_intervals(pieces: Iterable[Piece]) -> list[Interval]:
    """Return the time of published pieces for which their inputs had anything."""
    return [part for piece in pieces for part in delivered_within(piece.partition.manifest, piece.interval)]


def newest_baseline(prefix: str, horizon: str, not_after: datetime) -> Partition | None:
    """Return the published baseline of a horizon with the latest end that is not after `not_after`."""
    folders = list_names(join(prefix, f"horizon={horizon}"), kind=fs.FileType.Directory)
    ends = sorted((end for name in folders if (end := baseline_end_of(name)) and end <= not_after), reverse=True)
    for end in ends:
        partition = readable_baseline(prefix, horizon, end)
        if partition:
            return partition
    return None


def readable_baseline(prefix: str, horizon: str, end: datetime) -> Partition | None:
    """Return a published baseline; None where there is none, or its manifest can't be read, which the log says."""
    uri = baseline_partition_uri(prefix, horizon, end)
    manifest = readable_manifest(uri)
    return Partition(uri, manifest) if manifest else None
