"""The FG-A builder: published deltas in, one partition of window features a UTC day out."""

from __future__ import annotations

from collections.abc import Iterator

from ndr.contract.datasets import DELTAS, FG_A, PEER_DELTAS
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.manifest import Manifest
from ndr.contract.time import SLICE, WINDOWS, Interval
from ndr.jobs.fg_a.day_reader import DayReader
from ndr.jobs.fg_a.days import earliest_midnight, features_by_day, inputs_of, lookback_of
from ndr.jobs.fg_a.history_start import HistoryStart, history_start
from ndr.jobs.fg_a.on_spark import write_features
from ndr.jobs.published_deltas import PublishedDeltas
from ndr.jobs.repairs import outdated_intervals, repaired
from ndr.jobs.run import Run
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.replacement import PublishedRows, refuse_empty, refuse_unreadable

THREADS = 2


def publish_fg_a(
    run: Run, spec: FgABuilderSpec, batch: Interval, replace_with_empty: bool = False
) -> Iterator[Manifest]:
    """Publish the FG-A rows of a batch, a UTC day at a time, and repair those of the last day.

    Parameters
    ----------
    replace_with_empty : bool
        Whether published rows of the batch may be replaced by none because the deltas of all windows are absent.

    Yields
    ------
    Manifest
        Of each partition, as it is published: first of the batch, then of intervals in the day before its end whose
        deltas have changed. Its coverage is that of the deltas of its windows.

    Raises
    ------
    EmptyResultError
        Rows of the batch are published, and the deltas of all their windows are absent.
    """
    networks = run.networks()
    deltas = PublishedDeltas.of(spec.inputs.deltas, run.owner, inputs_of(batch, spec))
    yield from _publish(run, spec, networks, batch, deltas, replace_with_empty)
    repairs = outdated_intervals(
        run, spec.outputs.fg_a, FG_A, deltas, batch, lambda interval: inputs_of(interval, spec)
    )
    yield from repaired(
        run, FG_A, repairs, lambda interval, known: _publish(run, spec, networks, interval, known, False)
    )


def _publish(
    run: Run,
    spec: FgABuilderSpec,
    networks: Networks,
    batch: Interval,
    deltas: PublishedDeltas,
    replace_with_empty: bool,
) -> Iterator[Manifest]:
    days = DayReader(deltas, batch, networks)
    start = history_start(spec, batch, deltas.answers)
    if run.spark is None:
        written = _write_here(spec, batch, days, start)
    else:
        written = write_features(run.spark, spec, batch, days, start)
    for interval, writer in written:
        if not writer.tables[FG_A.name].rows and not replace_with_empty:
            _refuse_empty(run, spec, interval, deltas)
        yield _commit(run, spec, interval, writer, days, start)


def _write_here(
    spec: FgABuilderSpec, batch: Interval, days: DayReader, start: HistoryStart
) -> Iterator[tuple[Interval, PartitionWriter]]:
    published = days.published(inputs_of(batch, spec))
    for interval, tables in features_by_day(batch, spec, days.networks, days, start.history(), published, THREADS):
        writer = PartitionWriter(time_partition_uri(spec.outputs.fg_a, interval))
        for table in tables:
            writer.write(table, FG_A)
        yield interval, writer


def _commit(
    run: Run, spec: FgABuilderSpec, interval: Interval, writer: PartitionWriter, days: DayReader, start: HistoryStart
) -> Manifest:
    answers = days.deltas.answers
    windows = Interval(earliest_midnight(interval, spec), interval.end)
    return writer.commit(
        run.fence(FG_A.name, interval),
        dataset=FG_A.name,
        start=interval.start,
        end=interval.end,
        inputs=(start.baseline.as_input,) if start.baseline else (),
        # The pairs of earlier days, by day: it makes no difference whether a baseline or slices told of them.
        reads=(
            answers.named(DELTAS.name, windows),
            answers.digested(DELTAS.name, lookback_of(interval, spec)),
        ),
        coverage=days.coverage(interval, [WINDOWS[label] for label in spec.windows]),
        networks=days.networks.digest,
        note=None if writer.tables[FG_A.name].rows else _why_empty(days, windows),
        **run.facts,
    )


def _why_empty(days: DayReader, windows: Interval) -> str:
    pieces = days.deltas.scan(DELTAS, windows).pieces
    if not any(piece.partition.manifest.tables[DELTAS.name].rows for piece in pieces):
        return "There was no session in any window of the batch."
    internal = ", ".join(network for networks in days.networks.internal.values() for network in networks)
    return (
        f"No host of the sessions is internal: networks.internal is {internal}. Write the networks of your hosts "
        "there, in the JobSpec networks, and run the batch again."
    )


def _refuse_empty(run: Run, spec: FgABuilderSpec, interval: Interval, deltas: PublishedDeltas) -> None:
    windows = Interval(earliest_midnight(interval, spec), interval.end)
    if deltas.scan(PEER_DELTAS, windows).pieces:
        return
    why = f"No deltas below {spec.inputs.deltas} are published for the windows of {interval}."
    try:
        published = PublishedRows.of(spec.outputs.fg_a, FG_A, interval, run.owner)
    except SchemaMismatchError as error:
        refuse_unreadable(FG_A, error, True, why)
        return
    refuse_empty(FG_A, published, {each.start for each in interval.steps(SLICE)}, why)
