"""Out-of-batch rows: they came with the mini-batch of another time and are kept for the slice they belong to.

They are below the deltas' prefix in `_late/dt=<day>/<slice>/<source batch>.json`, and where they are many also in
`<source batch>.1.json` and so on. The job that builds the slice reads them beside its own mini-batches. A mini-batch
that is read again writes the same files, and empties those of rows that it no longer has:
`_late/_sources/<source batch>.json` lists the files that it wrote, as `<slice>` and `<slice>/1`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.datasets import LATE_FOLDER, QUARANTINE
from ndr.contract.time import DAY, SLICE, Interval, floor_to, interval_of, mini_batch_id, parse_instant
from ndr.jobs.deltas.line_spool import LineSpool
from ndr.jobs.deltas.mini_batches import MiniBatch
from ndr.sources.integration.validity import OUTSIDE_BATCH
from ndr.store.partition import day_folder
from ndr.store.publish import PartitionWriter
from ndr.store.storage import filesystem, join, put_bytes, read_bytes

REACH_BACK: Final = timedelta(days=31)
REACH_AHEAD: Final = DAY
"""Rows of farther away tell of a wrong clock; they stay in quarantine alone."""

_SOURCES: Final = "_sources"
_ROWS: Final = 1 << 13


def keep_out_of_batch_rows(
    deltas_prefix: str, interval: Interval, read: Iterable[MiniBatch], writer: PartitionWriter
) -> list[Interval]:
    """Keep the rows that a partition, about to be committed, quarantines as outside of their batch.

    Parameters
    ----------
    interval : Interval
        Of the partition: it quarantines the out-of-batch rows of each mini-batch that it accounts for.
    read : iterable of MiniBatch
        What was read.

    Returns
    -------
    list of Interval
        The slices whose kept rows changed.
    """
    folders = [folder for folder in read if not folder.is_out_of_batch and folder.account_at in interval]
    place_of = {path: place for place, folder in enumerate(folders) for path in folder.paths}
    with TemporaryDirectory() as temporary:
        lines = [LineSpool(Path(temporary, str(number))) for number in range(len(folders))]
        for source_file, raw in _out_of_batch(writer):
            number, slice_ = place_of.get(source_file), _slice_of(raw, interval)
            if number is not None and slice_:
                lines[number].add(slice_, raw)
        kept = zip(folders, lines, strict=True)
        return [slice_ for folder, spool in kept for slice_ in _keep(deltas_prefix, folder.name, spool)]


def _keep(deltas_prefix: str, source_batch: str, kept: LineSpool) -> list[Interval]:
    """Write a source batch's files and return the slices of those that changed."""
    base = join(deltas_prefix, LATE_FOLDER)
    index = join(base, _SOURCES, f"{source_batch}.json")
    before = [name for text in json.loads(read_bytes(index) or b"[]") if (name := _KeptFile.named(text))]
    # The list first: a run that dies after it leaves a list of too many files, never of too few.
    listed = sorted(
        {*before, *(_KeptFile(place, part) for place in kept.places() for part in range(kept.parts(place)))}
    )
    if not listed:
        return []
    _put_if_changed(index, json.dumps([file.name for file in listed]).encode())
    changed: dict[Interval, None] = {}
    for place in dict.fromkeys(file.place for file in listed):
        files = [file for file in listed if file.place == place]
        for file, content in zip(files, chain(kept.sorted_parts(place), repeat(b"")), strict=False):
            uri = join(base, day_folder(place.start), mini_batch_id(place), file.file_name(source_batch))
            if _put_if_changed(uri, content):
                changed[place] = None
    return list(changed)


class _KeptFile(NamedTuple):
    """One of the files with a source batch's rows of a slice."""

    place: Interval
    part: int

    @classmethod
    def named(cls, name: str) -> _KeptFile | None:
        place, _, part = name.partition("/")
        interval = interval_of(place)
        return cls(interval, int(part or 0)) if interval else None

    @property
    def name(self) -> str:
        return f"{mini_batch_id(self.place)}/{self.part}" if self.part else mini_batch_id(self.place)

    def file_name(self, source_batch: str) -> str:
        return f"{source_batch}.{self.part}.json" if self.part else f"{source_batch}.json"


def _out_of_batch(writer: PartitionWriter) -> Iterator[tuple[str, str]]:
    """Yield file and text of the rows that a partition quarantines as outside of their batch."""
    for entry in writer.tables[QUARANTINE.name].files:
        system, path = filesystem(join(writer.partition_uri, entry.path))
        with system.open_input_file(path) as file, pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(_ROWS, columns=["source_file", "reason", "raw"]):
                rows = batch.filter(pc.starts_with(batch["reason"], f"{OUTSIDE_BATCH}:"))
                yield from zip(rows["source_file"].to_pylist(), rows["raw"].to_pylist(), strict=True)


def _slice_of(raw: str, interval: Interval) -> Interval | None:
    start = floor_to(parse_instant(json.loads(raw)["event_start"]), SLICE)
    near = interval.start - REACH_BACK <= start < interval.end + REACH_AHEAD
    return Interval(start, start + SLICE) if near else None


def _put_if_changed(uri: str, content: bytes) -> bool:
    """Write a file unless it is equal, since a newer one would look as if it had just come; tell whether it changed."""
    before = read_bytes(uri)
    if before == content or (before is None and not content):
        return False
    put_bytes(uri, content)
    return True
