"""Rows that came with the mini-batch of another time: quarantined with it, and kept for the slice they belong to.

Below the deltas' prefix, `_late/dt=<day>/<slice>/<mini-batch that brought them>.json`. Whoever builds the slice reads
them beside its own mini-batch, so they are counted where they belong, and once: a mini-batch that is read again writes
the same file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pyarrow.parquet as pq

from ndr.contract.datasets import LATE_FOLDER, QUARANTINE
from ndr.contract.time import DAY, SLICE, Interval, floor_to, mini_batch_id, parse_instant
from ndr.store.partition import day_folder
from ndr.store.publish import PartitionWriter
from ndr.store.storage import filesystem, join, put_bytes, read_bytes

REACH_BACK: Final = timedelta(days=31)
REACH_AHEAD: Final = DAY
"""Rows of farther away tell of a wrong clock; they stay in quarantine alone."""


def keep_strays(deltas_prefix: str, day: Interval, writer: PartitionWriter) -> None:
    """Keep the rows that a partition, about to be committed, quarantines as outside of their batch."""
    lines: dict[tuple[Interval, str], list[str]] = {}
    for row in _quarantined(writer):
        place = _slice_of(row, day)
        if place:
            brought_by = row["source_file"].split("/")[-2]
            lines.setdefault((place, brought_by), []).append(row["raw"])
    for (place, brought_by), rows in lines.items():
        folder = join(deltas_prefix, LATE_FOLDER, day_folder(place.start), mini_batch_id(place))
        _put_if_changed(join(folder, f"{brought_by}.json"), "".join(f"{row}\n" for row in sorted(rows)).encode())


def _quarantined(writer: PartitionWriter) -> Iterator[dict[str, Any]]:
    for file in writer.tables[QUARANTINE.name].files:
        if file.rows:
            system, path = filesystem(join(writer.partition_uri, file.path))
            yield from pq.read_table(path, filesystem=system).to_pylist()


def _slice_of(row: dict[str, Any], day: Interval) -> Interval | None:
    if not row["reason"].startswith("outside_batch:"):
        return None
    start = floor_to(parse_instant(json.loads(row["raw"])["event_start"]), SLICE)
    near = day.start - REACH_BACK <= start < day.end + REACH_AHEAD
    return Interval(start, start + SLICE) if near else None


def _put_if_changed(uri: str, content: bytes) -> None:
    """Leave an equal file as it is: a newer one would look as if it had just come."""
    if read_bytes(uri) != content:
        put_bytes(uri, content)
