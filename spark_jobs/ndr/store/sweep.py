"""Sweeping: what no reader needs any more is deleted, two days after something else answered in its place.

Two days are for readers that looked a version up before. A partition's manifest is deleted first, then the rest: what a
run that was cut off leaves is a folder without a manifest, which the next run deletes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pyarrow import fs

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import MANIFEST_NAME, SUCCESS_NAME, Manifest, parse_manifest
from ndr.contract.time import Interval, compact_instant, interval_of, parse_compact
from ndr.store.catalog import Piece
from ndr.store.manifest import read_manifest
from ndr.store.partition import day_folder
from ndr.store.storage import (
    delete_file,
    delete_folder,
    delete_version,
    filesystem,
    join,
    list_files,
    list_names,
    read_version,
)

_LOG = logging.getLogger(__name__)

SWEPT_AFTER: Final = timedelta(days=2)
RUN_TIME: Final = len("20260131T061500Z")
"""A run id begins with the time of its run."""

MayDelete = Callable[[Interval], bool]
"""Claims the partition of an interval, so that no run publishes it meanwhile; tells whether that was possible."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What was deleted: a partition that does not answer any more (`interval`), or files of earlier versions of one."""

    uri: str
    interval: Interval | None = None


def sweep_day(
    prefix: str,
    day: Interval,
    answering: Iterable[Piece],
    now: datetime,
    claimed: MayDelete,
    release: Callable[[Interval], None],
) -> Iterator[Swept]:
    """Delete what is not needed any more of a dataset's UTC day.

    Parameters
    ----------
    answering : iterable of Piece
        The pieces that answer for the day.
    claimed, release : callable
        Claim the partition of an interval, and give the claim up. One that is claimed by another run stays.
    """
    pieces = list(answering)
    base = join(prefix, day_folder(day.start))
    for folder in list_names(base, kind=fs.FileType.Directory):
        uri, interval = join(base, folder), interval_of(folder)
        if interval is None:
            continue
        try:
            manifest = read_manifest(uri)
        except SchemaMismatchError as error:
            _LOG.warning("not swept: %s", error)
            continue
        answers = any(piece.partition.uri == uri for piece in pieces)
        if manifest and not answers and _hidden_since(interval, pieces, now) <= now - SWEPT_AFTER:
            yield from _sweep_partition(uri, interval, manifest.run_id, now, claimed, release)
            continue
        yield from sweep_versions(uri, manifest, now)
        if manifest is None and not list_names(uri, kind=fs.FileType.Directory):
            yield from _sweep_partition(uri, interval, None, now, claimed, release)


def sweep_baselines(prefix: str, now: datetime) -> Iterator[Swept]:
    """Delete the files of runs that the manifests of baselines do not name. The listing tells which have any."""
    base = filesystem(prefix)[1]
    runs: dict[str, set[str]] = {}
    published = set()
    for info in list_files(prefix, recursive=True):
        *partition, run, name = str(info.path).removeprefix(f"{base}/").split("/")
        if name == MANIFEST_NAME:
            published.add("/".join([*partition, run]))
        elif len(partition) == 2:  # horizon and end
            runs.setdefault("/".join(partition), set()).add(run)
    for baseline, found in sorted(runs.items()):
        if len(found) > (baseline in published):
            try:
                manifest = read_manifest(join(prefix, baseline))
            except SchemaMismatchError as error:
                _LOG.warning("not swept: %s", error)
                continue
            yield from sweep_versions(join(prefix, baseline), manifest, now)


def sweep_versions(partition_uri: str, manifest: Manifest | None, now: datetime) -> Iterator[Swept]:
    """Delete the files of runs that a partition's manifest does not name, and of runs that never published.

    While the manifest is younger than SWEPT_AFTER, all stay: a reader may have looked an earlier one up.
    """
    if manifest and manifest.published_at > now - SWEPT_AFTER:
        return
    files = [file for table in manifest.tables.values() for file in table.files] if manifest else []
    named = {file.path.partition("/")[0] for file in files}
    before = compact_instant(now - SWEPT_AFTER)
    for run in list_names(partition_uri, kind=fs.FileType.Directory):
        if run not in named and parse_compact(run[:RUN_TIME]) and run < before:
            delete_folder(join(partition_uri, run))
            yield Swept(join(partition_uri, run))


def _sweep_partition(
    uri: str,
    interval: Interval,
    run_id: str | None,
    now: datetime,
    claimed: MayDelete,
    release: Callable[[Interval], None],
) -> Iterator[Swept]:
    """Delete a partition if it is still of one run, or still without a manifest and without files of a run.

    Files of a run that is not over stay even where the claim did not last.
    """
    if not claimed(interval):
        return
    try:
        content, version = read_version(join(uri, MANIFEST_NAME))
        there = None if content is None else parse_manifest(uri, content)
        if (there.run_id if there else None) != run_id:
            return
        if there and not delete_version(join(uri, MANIFEST_NAME), version):
            return
        delete_file(join(uri, SUCCESS_NAME))
        list(sweep_versions(uri, None, now))
        if not list_files(uri, recursive=True):
            delete_folder(uri)  # on a disk
        yield Swept(uri, interval)
    finally:
        release(interval)


def _hidden_since(interval: Interval, pieces: Iterable[Piece], now: datetime) -> datetime:
    """Return when the last of the partitions that answer in an interval's place was published."""
    instead = [piece.partition.manifest.published_at for piece in pieces if piece.interval.intersection(interval)]
    return max(instead, default=now)
