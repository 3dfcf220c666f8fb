"""The FG-C builder: FG-A, pair counts and the valid baselines in, one partition of scores a UTC day out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

import pyarrow as pa

from ndr.contract.datasets import FG_A, FG_C, FG_C_HOSTS, FG_C_PAIRS, Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.lineage import REPAIRED, outdated
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, SLICE, WINDOWS, Interval, unfilled
from ndr.jobs.fg_c.baseline_hosts import MachineHosts
from ndr.jobs.fg_c.calibration import Calibration, calibration_days
from ndr.jobs.fg_c.inputs import Inputs, reach_of
from ndr.jobs.fg_c.on_spark import write_on_spark
from ndr.jobs.fg_c.pair_sources import PairSources
from ndr.jobs.fg_c.pairs import pair_findings
from ndr.jobs.fg_c.parts import ScoringRules
from ndr.jobs.fg_c.rescoring import judged_by_others
from ndr.jobs.fg_c.task import ScoringTask, silence_bands, write_here
from ndr.jobs.host_identity.host_keys import HostKeys
from ndr.jobs.host_identity.machines import InventoryOf, Machines
from ndr.jobs.inventory.snapshot import no_inventory
from ndr.jobs.monitored import of_pairs
from ndr.jobs.regularity import PairScoreRules
from ndr.jobs.repairs import repaired
from ndr.jobs.run import Run, job_logger
from ndr.store.catalog import Partition, delivered_intervals, pieces_answers, published_pieces
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.replacement import PublishedRows, refuse_empty, refuse_unreadable
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema

NO_BASELINE = "No baseline was valid for a part of the time; its values are judged by none."


@dataclass(frozen=True)
class FgCSpecs:
    """The JobSpecs that scores follow from: their own, those of FG-B and FG-A, and the networks."""

    fg_c: FgCBuilderSpec
    fg_b: FgBBuilderSpec
    fg_a: FgABuilderSpec
    networks: Networks = field(default_factory=Networks)
    inventory_of: InventoryOf = no_inventory

    def machines(self, interval: Interval) -> Machines | None:
        """Return the machines of addresses over the windows that end in an interval; None where hosts are addresses."""
        reach = Interval(interval.start - max(WINDOWS.values()), interval.end)
        return Machines.over(self.fg_b, reach, self.inventory_of)

    @property
    def pair_rules(self) -> PairScoreRules:
        rarity = self.fg_b.rarity
        return PairScoreRules(max_prevalence=rarity.max_prevalence, min_hosts=rarity.min_hosts)

    @property
    def rules(self) -> ScoringRules:
        least = {window: self.fg_b.least_support(window) for window in self.fg_c.windows}
        return ScoringRules(self.fg_c, self.networks, least, self.fg_a.calendar)


def publish_fg_c(run: Run, specs: FgCSpecs, batch: Interval, replace_with_empty: bool = False) -> Iterator[Manifest]:
    """Publish the scores of a batch, a UTC day at a time, and repair those of the last day and of the week before.

    Parameters
    ----------
    replace_with_empty : bool
        Whether published rows of the batch may be replaced by none because its FG-A is absent.

    Yields
    ------
    Manifest
        Of each partition, as it is published: first of the batch, then of intervals in the day before its end whose
        FG-A, pair counts or valid baselines have changed, last of one day of the week before whose valid baselines
        have. Its coverage is that of FG-A.

    Raises
    ------
    EmptyResultError
        Rows of the batch are published, and its FG-A is not.
    """
    inputs = Inputs.of(specs.fg_c, specs.fg_b.metrics, run.owner, batch)
    for interval in batch.steps(DAY):
        if not replace_with_empty:
            _refuse_empty(run, specs.fg_c, inputs, interval)
        yield _publish(run, specs, inputs, interval)
    again = chain(_outdated(run, specs, batch), judged_by_others(run, specs.fg_c, tuple(specs.fg_b.metrics), batch))
    yield from repaired(run, _LEASED, again, lambda interval, known: [_publish(run, specs, known, interval)])


_LEASED = Dataset(FG_C, (), ())
"""The dataset as leases name it; its tables have names of their own."""


def _publish(run: Run, specs: FgCSpecs, inputs: Inputs, interval: Interval) -> Manifest:
    days = calibration_days(interval.start, specs.fg_c.calibration)
    scan = Scan.of(specs.fg_c.outputs.fg_c, FG_C_HOSTS, days, ["score"], run.owner, without_reads=True)
    calibration = Calibration.of(scan.read()["score"], specs.fg_c.calibration.min_scores)
    # Recorded by day. It makes nothing stale: a calibration that changed by a late file is as good as it was.
    calibrated_by = pieces_answers(scan.pieces).digested(FG_C, days)
    writer = PartitionWriter(time_partition_uri(specs.fg_c.outputs.fg_c, interval))
    machines = specs.machines(interval)
    is_judged = _write(run, specs, inputs, interval, calibration, machines, writer)
    return writer.commit(
        run.fence(FG_C, interval),
        dataset=FG_C,
        start=interval.start,
        end=interval.end,
        inputs=(*inputs.entries(interval), *(machines.inputs if machines else ())),
        reads=(*inputs.reads(interval), calibrated_by),
        coverage=inputs.coverage(interval),
        networks=specs.networks.digest,
        note=None if is_judged else NO_BASELINE,
        **run.facts,
    )


def _write(
    run: Run,
    specs: FgCSpecs,
    inputs: Inputs,
    interval: Interval,
    calibration: Calibration,
    machines: Machines | None,
    writer: PartitionWriter,
) -> bool:
    """Write the three tables; tells whether a baseline was valid for all of the time."""
    runs = inputs.baselines.runs(interval)
    hosts = MachineHosts(machines.assignments) if machines else None
    sources = PairSources(HostKeys(machines.assignments), specs.networks) if machines else None
    pairs: list[pa.Table] = [arrow_schema(FG_C_PAIRS).empty_table()]
    for part, valid in runs:
        bands = silence_bands(inputs, part, specs.fg_a.calendar)
        task = ScoringTask(specs.rules, inputs, part, valid, bands, calibration, hosts)
        if run.spark is None:
            write_here(task, writer)
        else:
            write_on_spark(run.spark, task, writer)
        pairs.extend(_pairs(specs, inputs, part, valid, sources))
    writer.write(pa.concat_tables(pairs).sort_by([(name, "ascending") for name in FG_C_PAIRS.key]), FG_C_PAIRS)
    return all(valid for _, valid in runs)


def _pairs(
    specs: FgCSpecs, inputs: Inputs, part: Interval, valid: dict[str, Partition], sources: PairSources | None
) -> Iterable[pa.Table]:
    if not valid:
        return []
    scan, known = inputs.pair_scan(part), inputs.read_pair_baselines(valid, sources)
    counts = of_pairs(scan.read(coded=True), specs.networks)
    counts = sources.counts(counts) if sources else counts
    published = delivered_intervals(scan.pieces)
    return [pair_findings(counts, each.end, published, known, specs.pair_rules) for each in part.steps(SLICE)]


def _outdated(run: Run, specs: FgCSpecs, batch: Interval) -> Iterator[tuple[Interval, Inputs]]:
    """Find what is stale or missing in the day before a batch's end, without the batch itself; oldest first."""
    start = batch.end - REPAIRED
    if start >= batch.start:
        return
    wanted = Interval(start, batch.start)
    try:
        inputs = Inputs.of(specs.fg_c, specs.fg_b.metrics, run.owner, wanted)
    except SchemaMismatchError as error:
        job_logger(run.job_name).warning("earlier intervals are not checked", extra={"reason": str(error)})
        return
    pieces = published_pieces(specs.fg_c.outputs.fg_c, wanted, FG_C, run.owner, pass_over_unreadable=True)
    built = [(piece.partition.manifest, piece.interval) for piece in pieces]
    for interval in outdated(built, inputs.answers(wanted), FG_A.name, wanted, reach_of):
        for part in interval.steps(DAY):
            yield part, inputs


def _refuse_empty(run: Run, spec: FgCBuilderSpec, inputs: Inputs, interval: Interval) -> None:
    pieces = inputs.feature_scan(interval).pieces
    absent = unfilled(interval, [piece.interval for piece in pieces])
    if not absent:
        return
    why = f"No FG-A below {spec.inputs.fg_a} is published for a part of {interval}."
    try:
        published = PublishedRows.of(spec.outputs.fg_c, FG_C_HOSTS, interval, run.owner)
    except SchemaMismatchError as error:
        refuse_unreadable(FG_C_HOSTS, error, not pieces, why)
        return
    refuse_empty(FG_C_HOSTS, published, {each.start for gap in absent for each in gap.steps(SLICE)}, why)
