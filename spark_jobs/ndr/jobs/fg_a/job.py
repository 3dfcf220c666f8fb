"""The FG-A builder: published deltas in, one partition of window features a UTC day out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ndr.contract.datasets import DELTAS, FG_A, FG_A_MACHINES, PEER_DELTAS
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.manifest import InputEntry, InputRange, Manifest
from ndr.contract.time import SLICE, WINDOWS, Interval
from ndr.jobs.fg_a.day_reader import DayReader
from ndr.jobs.fg_a.days import earliest_midnight, features_by_day, inputs_of, lookback_of
from ndr.jobs.fg_a.history_start import HistoryStart, history_start
from ndr.jobs.fg_a.machine_names import machine_names
from ndr.jobs.fg_a.on_spark import write_features
from ndr.jobs.host_identity.dhcp_lineage import Leases, leases_of
from ndr.jobs.host_identity.machines import MachineLookup, Machines
from ndr.jobs.published_deltas import PublishedDeltas
from ndr.jobs.repairs import outdated_intervals, repaired
from ndr.jobs.run import Run
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.replacement import PublishedRows, refuse_empty, refuse_unreadable

THREADS = 2


ADDRESSES: Final = MachineLookup()
"""Hosts are addresses."""


def publish_fg_a(
    run: Run,
    spec: FgABuilderSpec,
    batch: Interval,
    replace_with_empty: bool = False,
    lookup: MachineLookup = ADDRESSES,
) -> Iterator[Manifest]:
    """Publish the FG-A rows of a batch, a UTC day at a time, and repair those of the last day.

    Parameters
    ----------
    replace_with_empty : bool
        Whether published rows of the batch may be replaced by none because the deltas of all windows are absent.
    lookup : MachineLookup
        Whose past the novelty of peers looks at: that of the address, or of the machine that had it.

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
    job = FgAJob(run, spec, networks, lookup)
    sources = job.sources(batch, deltas)
    yield from job.publish(batch, deltas, sources, replace_with_empty)
    repairs = outdated_intervals(
        run, spec.outputs.fg_a, FG_A, deltas, batch, lambda interval: inputs_of(interval, spec), sources.leases
    )
    yield from repaired(
        run, FG_A, repairs, lambda interval, known: job.publish(interval, known, job.sources(interval, known), False)
    )


@dataclass(frozen=True)
class Sources:
    """What the features of a batch follow from beside the deltas: where history starts, and the machines since then."""

    batch: Interval
    start: HistoryStart
    machines: Machines | None

    @property
    def inputs(self) -> tuple[InputEntry, ...]:
        """What was read, for the manifest."""
        baseline = (self.start.baseline.as_input,) if self.start.baseline else ()
        return (*baseline, *(self.machines.inputs if self.machines else ()))

    def reads(self, interval: Interval) -> tuple[InputRange, ...]:
        """Return a manifest's record of what told of the machines of a part of the batch."""
        return self.machines.reads(Interval(self.start.end, interval.end)) if self.machines else ()

    @property
    def leases(self) -> Leases | None:
        """What the DHCP logs have now; None where they tell nothing."""
        if self.machines is None or self.machines.leases is None:
            return None
        return Leases(self.machines.leases, leases_of(Interval(self.start.end, self.batch.end)))


@dataclass(frozen=True)
class FgAJob:
    """What the features of all batches of a run follow from."""

    run: Run
    spec: FgABuilderSpec
    networks: Networks
    lookup: MachineLookup

    def sources(self, batch: Interval, deltas: PublishedDeltas) -> Sources:
        """Look up what a batch follows from beside its deltas."""
        start = history_start(self.spec, batch, deltas.answers, self.lookup.of_machines)
        return Sources(batch, start, self.lookup.over(Interval(start.end, batch.end)))

    def publish(
        self, batch: Interval, deltas: PublishedDeltas, sources: Sources, replace_with_empty: bool
    ) -> Iterator[Manifest]:
        """Publish the rows of a batch, a UTC day at a time."""
        run, spec = self.run, self.spec
        days = DayReader(deltas, batch, self.networks, sources.machines)
        if run.spark is None:
            written = _write_here(spec, batch, days, sources.start)
        else:
            written = write_features(run.spark, spec, batch, days, sources.start)
        for interval, writer in written:
            if not writer.tables[FG_A.name].rows and not replace_with_empty:
                _refuse_empty(run, spec, interval, deltas)
            if sources.machines:
                for table in machine_names(interval, sources.machines, self.networks):
                    writer.write(table, FG_A_MACHINES)
            yield _commit(run, spec, interval, writer, days, sources)


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
    run: Run,
    spec: FgABuilderSpec,
    interval: Interval,
    writer: PartitionWriter,
    days: DayReader,
    sources: Sources,
) -> Manifest:
    answers = days.deltas.answers
    windows = Interval(earliest_midnight(interval, spec), interval.end)
    return writer.commit(
        run.fence(FG_A.name, interval),
        dataset=FG_A.name,
        start=interval.start,
        end=interval.end,
        inputs=sources.inputs,
        # The pairs of earlier days, by day: it makes no difference whether a baseline or slices told of them.
        reads=(
            answers.named(DELTAS.name, windows),
            answers.digested(DELTAS.name, lookback_of(interval, spec)),
            *sources.reads(interval),
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
