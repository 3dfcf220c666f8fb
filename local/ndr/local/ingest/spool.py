"""Flows on local disk, indexed by batch, until all files are read.

Zeek logs a connection at its end, so the flows of a batch can be in much later files, and no batch is complete before
the last file is read. The spool keeps the blocks sorted by time, and for each batch the positions of its rows.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ndr.contract.time import EPOCH, Interval


class Run(NamedTuple):
    """Consecutive rows of a spooled block."""

    block: Path
    offset: int
    rows: int


class Spool:
    """Blocks of flows from several sources, readable by batch and source.

    Parameters
    ----------
    folder : Path
        An empty folder. The caller removes it.
    batch : timedelta
        Length of a batch. Batches start at its multiples since the epoch.
    """

    def __init__(self, folder: Path, batch: timedelta) -> None:
        self._folder = folder
        self._batch = batch
        self._blocks = 0
        self._runs: dict[int, dict[str, list[Run]]] = {}

    def add(self, source: str, flows: pa.Table) -> None:
        """Add a block of a source's flows, each to the batch that contains its event_start."""
        flows = flows.sort_by("event_start")
        starts = flows["event_start"].cast(pa.int64()).to_numpy()
        keys, offsets, counts = np.unique(
            starts // (self._batch // EPOCH.resolution), return_index=True, return_counts=True
        )
        block = self._folder / f"{self._blocks}.arrow"
        self._blocks += 1
        with pa.OSFile(str(block), "wb") as file, pa.ipc.new_file(file, flows.schema) as writer:
            writer.write_table(flows.combine_chunks(), max_chunksize=len(flows) or None)
        for key, offset, count in zip(keys.tolist(), offsets.tolist(), counts.tolist(), strict=True):
            self._runs.setdefault(key, {}).setdefault(source, []).append(Run(block, offset, count))

    def remove_far(self, source: str, most: timedelta) -> tuple[pa.Table | None, datetime]:
        """Remove a source's flows that start further than `most` from its middle one, and return them and that time."""
        rows = {key: sum(run.rows for run in runs[source]) for key, runs in self._runs.items() if source in runs}
        total, middle = 0, 0
        for key in sorted(rows):
            total, middle = total + rows[key], key
            if 2 * total >= sum(rows.values()):
                break
        far = [key for key in rows if abs(key - middle) * self._batch > most]
        removed = [_read(run) for key in far for run in self._runs[key].pop(source)]
        self._runs = {key: runs for key, runs in self._runs.items() if runs}
        return pa.concat_tables(removed, promote_options="default") if removed else None, EPOCH + middle * self._batch

    def batches(self) -> list[Interval]:
        """Return the intervals of the batches with flows, in order of time."""
        starts: list[datetime] = [EPOCH + key * self._batch for key in sorted(self._runs)]
        return [Interval(start, start + self._batch) for start in starts]

    def parts(self, interval: Interval) -> Iterator[tuple[str, pa.Table]]:
        """Yield a batch's flows by source, each sorted by event_start and then by position in the file."""
        runs = self._runs[(interval.start - EPOCH) // self._batch]
        for source in sorted(runs):
            tables = [_read(run) for run in runs[source]]
            yield source, pa.concat_tables(tables, promote_options="default").sort_by("event_start")


def _read(run: Run) -> pa.Table:
    with pa.memory_map(str(run.block)) as file:
        return pa.ipc.open_file(file).read_all().slice(run.offset, run.rows)
