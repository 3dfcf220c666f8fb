"""The FG-A builder: published deltas in, one partition of window features a UTC day out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
from pyarrow import fs

from ndr.contract.datasets import DELTAS, FG_A, FG_B_PAIR_HOST, PEER_DELTAS, Dataset
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.manifest import InputEntry, Manifest
from ndr.contract.time import DAY, SLICE, WINDOWS, Interval, floor_to
from ndr.jobs.catalog import Partition, pieces_coverage
from ndr.jobs.fg_a.history import history_needed
from ndr.jobs.fg_a.kernel import build_fg_a
from ndr.jobs.fg_a.monitored import of_networks
from ndr.jobs.fg_a.pair_history import COLUMNS, SCHEMA, PairHistory
from ndr.jobs.manifest import read_manifest
from ndr.jobs.partition import baseline_end_of, baseline_partition_uri, time_partition_uri
from ndr.jobs.publish import PartitionWriter, read_table
from ndr.jobs.run import Run
from ndr.jobs.scan import Scan
from ndr.jobs.storage import join, list_names

THREADS = 2


def publish_fg_a(run: Run, spec: FgABuilderSpec, batch: Interval) -> Iterator[Manifest]:
    """Publish the FG-A rows of a batch, a UTC day at a time.

    Yields
    ------
    Manifest
        Of each partition, as it is published; its coverage is that of the deltas of its own day.
    """

    def monitored(dataset: Dataset, mornings: list[datetime]) -> pa.Table:
        return of_networks(
            pa.concat_tables([days.read(dataset, morning) for morning in mornings]), spec.monitored_networks
        )

    days = DayReader(spec.inputs.deltas, batch)
    history, baseline_input = _history_before(spec, batch, days)
    for day in batch.steps(DAY):
        yesterday = _earliest_midnight(day, spec)
        while history.end < yesterday:
            history = history.after(days.read(PEER_DELTAS, history.end))
        mornings = [yesterday + number * DAY for number in range((day.end - yesterday - SLICE) // DAY + 1)]
        table = build_fg_a(
            day,
            spec,
            deltas=monitored(DELTAS, mornings),
            peer_deltas=monitored(PEER_DELTAS, mornings),
            pair_baseline=history.table,
            threads=THREADS,
        )
        writer = PartitionWriter(time_partition_uri(spec.outputs.fg_a, day))
        writer.write(table, FG_A)
        yield writer.commit(
            dataset=FG_A.name,
            start=day.start,
            end=day.end,
            inputs=(*days.inputs(mornings), *baseline_input),
            coverage=days.coverage(day),
            note=None if table.num_rows else "There was no session in any window of the batch.",
            **run.facts,
        )
        days.forget_before(yesterday)


@dataclass
class DayReader:
    """Tables of published deltas, a UTC day each, up to the batch's end; a day is read once while it is needed."""

    prefix: str
    batch: Interval
    scans: dict[tuple[str, datetime], Scan] = field(default_factory=dict)
    tables: dict[tuple[str, datetime], pa.Table] = field(default_factory=dict)

    def scan(self, dataset: Dataset, morning: datetime) -> Scan:
        """Return what is published of a day, looked up once."""
        key = (dataset.name, morning)
        if key not in self.scans:
            interval = Interval(morning, min(morning + DAY, self.batch.end))
            known = self.scans.get((DELTAS.name, morning))  # one commit holds both tables
            pieces = known.pieces if known else Scan.of(self.prefix, DELTAS, interval).pieces
            self.scans[key] = Scan(dataset, pieces, tuple(dataset.column_names))
        return self.scans[key]

    def read(self, dataset: Dataset, morning: datetime) -> pa.Table:
        """Return a day's rows."""
        key = (dataset.name, morning)
        if key not in self.tables:
            self.tables[key] = self.scan(dataset, morning).read()
        return self.tables[key]

    def inputs(self, mornings: list[datetime]) -> list[InputEntry]:
        """Return the partitions of these days, for a manifest."""
        return [entry for morning in mornings for entry in self.scan(DELTAS, morning).inputs]

    def coverage(self, day: Interval) -> float:
        """Return the share of `day` that deltas cover."""
        pieces = self.scan(DELTAS, floor_to(day.start, DAY)).pieces
        within = [type(piece)(piece.partition, part) for piece in pieces if (part := piece.interval.intersection(day))]
        return pieces_coverage(within, day)

    def forget_before(self, morning: datetime) -> None:
        """Drop days that no later day's windows reach."""
        for key in [key for key in self.tables if key[1] < morning]:
            del self.tables[key]


def _earliest_midnight(batch: Interval, spec: FgABuilderSpec) -> datetime:
    """Return the midnight of the day on which the batch's earliest window starts."""
    return floor_to(batch.start + SLICE - max(WINDOWS[label] for label in spec.windows), DAY)


def _history_before(
    spec: FgABuilderSpec, batch: Interval, days: DayReader
) -> tuple[PairHistory, tuple[InputEntry, ...]]:
    """Return the pairs before the batch's earliest day: of the newest serving baseline and the days since."""
    folders = list_names(join(spec.inputs.fg_b, "horizon=30d"), kind=fs.FileType.Directory)
    ends = [end for name in folders if (end := baseline_end_of(name)) and end == floor_to(end, DAY)]
    published = {end: found for end in sorted(ends)[-12:] if (found := _baseline(spec.inputs.fg_b, end))}
    needed = history_needed(batch, spec.windows, spec.novelty.lookback_days, published)
    if needed.baseline_end is None:
        history = PairHistory.empty(needed.slices_from)
        inputs: tuple[InputEntry, ...] = ()
    else:
        baseline = published[needed.baseline_end]
        rows = read_table(baseline.uri, baseline.manifest, FG_B_PAIR_HOST, COLUMNS).cast(SCHEMA)
        history = PairHistory(needed.baseline_end, rows)
        inputs = (baseline.as_input,)
    midnight = _earliest_midnight(batch, spec)
    while history.end < midnight:
        history = history.after(days.read(PEER_DELTAS, history.end))
        days.forget_before(history.end)
    return history, inputs


def _baseline(prefix: str, end: datetime) -> Partition | None:
    uri = baseline_partition_uri(prefix, "30d", end)
    manifest = read_manifest(uri)
    return Partition(uri, manifest) if manifest else None
