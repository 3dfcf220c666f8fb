"""Which published partitions answer for an interval.

Batches may overlap: a day loaded in bulk, then one of its slices rebuilt. For every instant the partition published
last answers, whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from pyarrow import fs

from ndr.contract.lineage import newest_first
from ndr.contract.manifest import InputEntry, Manifest
from ndr.contract.time import Interval, interval_of
from ndr.store.manifest import READERS, read_manifest, read_manifests
from ndr.store.partition import baseline_end_of, baseline_partition_uri, day_folders
from ndr.store.storage import join, list_names


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


def newest_first_pieces(partitions: Iterable[Partition], wanted: Interval) -> list[Piece]:
    """Cut overlapping partitions so that the newest answers for every instant.

    Returns
    -------
    list of Piece
        In time order, disjoint, within `wanted`; neighbours of one partition are one piece.
    """
    cut = newest_first(partitions, wanted, lambda each: each.manifest.interval, lambda each: each.manifest.age)
    return [Piece(partition, interval) for partition, interval in cut]


def published_pieces(prefix: str, wanted: Interval) -> list[Piece]:
    """Find the partitions below a dataset's prefix that answer for `wanted`."""
    days = day_folders(wanted)
    with ThreadPoolExecutor(READERS) as pool:
        folders = list(pool.map(lambda day: list_names(join(prefix, day), kind=fs.FileType.Directory), days))
    uris = [
        join(prefix, day, folder)
        for day, names in zip(days, folders, strict=True)
        for folder in names
        if (interval := interval_of(folder)) and interval.intersection(wanted)
    ]
    found = zip(uris, read_manifests(uris), strict=True)
    return newest_first_pieces((Partition(uri, manifest) for uri, manifest in found if manifest), wanted)


def pieces_coverage(pieces: Iterable[Piece], wanted: Interval) -> float:
    """Return the share of `wanted`, in [0, 1], that published pieces cover, each weighed with its own coverage."""
    # In slices, divided once: a full horizon is then exactly 1, and nine of thirty days exactly 0.3.
    covered = sum(piece.interval.slice_count() * piece.partition.manifest.coverage for piece in pieces)
    return covered / wanted.slice_count()


def newest_baseline(prefix: str, horizon: str, not_after: datetime) -> Partition | None:
    """Return the published baseline of a horizon with the latest end that is not after `not_after`."""
    folders = list_names(join(prefix, f"horizon={horizon}"), kind=fs.FileType.Directory)
    ends = sorted((end for name in folders if (end := baseline_end_of(name)) and end <= not_after), reverse=True)
    for end in ends:
        uri = baseline_partition_uri(prefix, horizon, end)
        manifest = read_manifest(uri)
        if manifest:
            return Partition(uri, manifest)
    return None
