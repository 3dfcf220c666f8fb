"""The FG-A builder: published deltas in, one partition of window features a UTC day out."""

from __future__ import annotations

from collections.abc import Iterator

from ndr.contract.datasets import FG_A
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.manifest import InputEntry, Manifest
from ndr.contract.time import Interval
from ndr.jobs.fg_a.day_reader import DayReader
from ndr.jobs.fg_a.days import features_by_day, mornings_of
from ndr.jobs.fg_a.history_start import HistoryStart, history_start
from ndr.jobs.fg_a.on_spark import write_features
from ndr.jobs.run import Run
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter

THREADS = 2


def publish_fg_a(run: Run, spec: FgABuilderSpec, batch: Interval) -> Iterator[Manifest]:
    """Publish the FG-A rows of a batch, a UTC day at a time.

    Yields
    ------
    Manifest
        Of each partition, as it is published; its coverage is that of the deltas of its own day.
    """
    days = DayReader(spec.inputs.deltas, batch, spec.monitored_networks)
    start = history_start(spec, batch)
    baseline = (start.baseline.as_input,) if start.baseline else ()
    if run.spark is None:
        written = _write_here(spec, batch, days, start)
    else:
        written = write_features(run.spark, spec, batch, days, start)
    for day, writer in written:
        yield _commit(run, day, writer, (*days.inputs(mornings_of(day, spec)), *baseline), days.coverage(day))


def _write_here(
    spec: FgABuilderSpec, batch: Interval, days: DayReader, start: HistoryStart
) -> Iterator[tuple[Interval, PartitionWriter]]:
    for day, tables in features_by_day(batch, spec, days, start.history(), THREADS):
        writer = PartitionWriter(time_partition_uri(spec.outputs.fg_a, day))
        for table in tables:
            writer.write(table, FG_A)
        yield day, writer


def _commit(
    run: Run, day: Interval, writer: PartitionWriter, inputs: tuple[InputEntry, ...], coverage: float
) -> Manifest:
    return writer.commit(
        run.fence(FG_A.name, day),
        dataset=FG_A.name,
        start=day.start,
        end=day.end,
        inputs=inputs,
        coverage=coverage,
        note=None if writer.tables[FG_A.name].rows else "There was no session in any window of the batch.",
        **run.facts,
    )
