"""Out-of-batch rows: they came with the mini-batch of another time and are kept for the slice they belong to.

They are below the deltas' prefix in `_late/dt=<day>/<slice>/<source batch>.json`. The job that builds the slice reads
them beside its own mini-batches. A mini-batch that is read again writes the same files, and empties those of rows that
it no longer has: `_late/_sources/<source batch>.json` lists the slices that it wrote to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final

import pyarrow.parquet as pq

from ndr.contract.datasets import LATE_FOLDER, QUARANTINE
from ndr.contract.time import DAY, SLICE, Interval, floor_to, interval_of, mini_batch_id, parse_instant
from ndr.jobs.deltas.mini_batches import MiniBatch
from ndr.store.partition import day_folder
from ndr.store.publish import PartitionWriter
from ndr.store.storage import filesystem, join, put_bytes, read_bytes

REACH_BACK: Final = timedelta(days=31)
REACH_AHEAD: Final = DAY
"""Rows of farther away tell of a wrong clock; they stay in quarantine alone."""

_SOURCES: Final = "_sources"


def keep_out_of_batch_rows(
    deltas_prefix: str, interval: Interval, read: Iterable[MiniBatch], writer: PartitionWriter
) -> list[Interval]:
    """Keep the rows that a partition, about to be committed, quarantines as outside of their batch.

    Parameters
    ----------
    interval : Interval
        Of the partition: it quarantines the out-of-batch rows of each mini-batch that starts in it.
    read : iterable of MiniBatch
        What was read.

    Returns
    -------
    list of Interval
        The slices whose kept rows changed.
    """
    folders = {
        folder.uri: folder for folder in read if not folder.is_out_of_batch and folder.interval.start in interval
    }
    lines: dict[str, dict[Interval, list[str]]] = {uri: {} for uri in folders}
    for row in _quarantined(writer):
        uri, place = _source_of(row, folders), _slice_of(row, interval)
        if uri and place:
            lines[uri].setdefault(place, []).append(row["raw"])
    return [place for uri, kept in lines.items() for place in _keep(deltas_prefix, uri.rpartition("/")[2], kept)]


def _keep(deltas_prefix: str, source_batch: str, kept: dict[Interval, list[str]]) -> list[Interval]:
    """Write a source batch's files and return the slices of those that changed."""
    base = join(deltas_prefix, LATE_FOLDER)
    index = join(base, _SOURCES, f"{source_batch}.json")
    before = [place for name in json.loads(read_bytes(index) or b"[]") if (place := interval_of(name))]
    places = sorted({*before, *kept})
    if not places:
        return []
    # The list first: a run that dies after it leaves a list of too many slices, never of too few.
    _put_if_changed(index, json.dumps([mini_batch_id(place) for place in places]).encode())
    changed = []
    for place in places:
        uri = join(base, day_folder(place.start), mini_batch_id(place), f"{source_batch}.json")
        if _put_if_changed(uri, "".join(f"{row}\n" for row in sorted(kept.get(place, []))).encode()):
            changed.append(place)
    return changed


def _quarantined(writer: PartitionWriter) -> Iterator[dict[str, Any]]:
    for file in writer.tables[QUARANTINE.name].files:
        if file.rows:
            system, path = filesystem(join(writer.partition_uri, file.path))
            yield from pq.read_table(path, filesystem=system).to_pylist()


def _source_of(row: dict[str, Any], folders: dict[str, MiniBatch]) -> str | None:
    path = row["source_file"]
    return next((uri for uri in folders if path.startswith(f"{filesystem(uri)[1]}/")), None)


def _slice_of(row: dict[str, Any], interval: Interval) -> Interval | None:
    if not row["reason"].startswith("outside_batch:"):
        return None
    start = floor_to(parse_instant(json.loads(row["raw"])["event_start"]), SLICE)
    near = interval.start - REACH_BACK <= start < interval.end + REACH_AHEAD
    return Interval(start, start + SLICE) if near else None


def _put_if_changed(uri: str, content: bytes) -> bool:
    """Write a file unless it is equal, since a newer one would look as if it had just come; tell whether it changed."""
    before = read_bytes(uri)
    if before == content or (before is None and not content):
        return False
    put_bytes(uri, content)
    return True
