"""The FG-B builder: published FG-A, pair counts and the inventory in, one partition a baseline out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ndr.contract.datasets import (
    FG_A,
    FG_B_IP_METADATA,
    FG_B_PAIR_HOST,
    FG_B_PAIR_SEGMENT,
    PAIR_COUNTS,
    fg_b_host,
    fg_b_segment,
)
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.manifest import Manifest
from ndr.contract.time import HORIZONS, Interval
from ndr.jobs.catalog import pieces_coverage
from ndr.jobs.fg_b.backfill import chunks
from ndr.jobs.fg_b.expected_ends import expected_ends
from ndr.jobs.fg_b.ip_metadata import ip_metadata
from ndr.jobs.fg_b.order import BaselineOrder
from ndr.jobs.fg_b.pair_rows import PairRows
from ndr.jobs.fg_b.pairs import PairRules, destination_hosts, pair_baselines
from ndr.jobs.fg_b.request import BaselineWindow, StatisticsRules
from ndr.jobs.fg_b.row_columns import TEXT_COLUMNS, TIME_COLUMN
from ndr.jobs.fg_b.scan_rows import ScanRows, one_slice_rows
from ndr.jobs.fg_b.statistics import baselines_of_windows
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.inventory.snapshot import Snapshot
from ndr.jobs.partition import baseline_partition_uri
from ndr.jobs.publish import PartitionWriter, in_key_order
from ndr.jobs.run import Run
from ndr.jobs.scan import Scan
from ndr.jobs.spark.fg_b import write_baselines

THREADS = 2
PAIR_COLUMNS = ("src_ip", "dst_ip", "dst_port", "slice_start", "sessions_cnt")


@dataclass(frozen=True)
class BaselineSpecs:
    """What the job is told: its own spec, the FG-A spec whose time bands it counts, and the VDI name prefixes."""

    fg_b: FgBBuilderSpec
    fg_a: FgABuilderSpec
    non_persistent_prefixes: tuple[str, ...] = ()

    @property
    def statistics_rules(self) -> StatisticsRules:
        return StatisticsRules(
            metrics=self.fg_b.metrics,
            key_metrics=self.fg_b.capping.key_metrics,
            capping_limit=self.fg_b.capping.threshold,
            support_min=self.fg_b.support_min,
            ipv4_prefix=self.fg_b.segment.ipv4_prefix_length,
            ipv6_prefix=self.fg_b.segment.ipv6_prefix_length,
        )

    def window(self, target: Target) -> BaselineWindow:
        """Return a target as the kernels take it, with the window ends that its time bands have."""
        expected = expected_ends(target.interval, self.fg_a.business_hours, self.fg_a.windows)
        return BaselineWindow(target.horizon, target.interval, expected)

    @property
    def pair_rules(self) -> PairRules:
        return PairRules(
            max_active_days=self.fg_b.rarity.max_active_days,
            max_prevalence=self.fg_b.rarity.max_prevalence,
            ipv4_prefix=self.fg_b.segment.ipv4_prefix_length,
            ipv6_prefix=self.fg_b.segment.ipv6_prefix_length,
        )


@dataclass(frozen=True)
class Short:
    """A baseline that is not built because too little of its horizon is published."""

    target: Target
    coverage: float
    wanted: float

    def __str__(self) -> str:
        days = self.target.interval.duration.days
        return (
            f"{self.target.horizon} ending {self.target.end:%Y-%m-%dT%H:%MZ}: {self.coverage * days:.1f} of {days} "
            f"days are published ({self.coverage:.0%}), min_coverage asks for {self.wanted:.0%}"
        )


def publish_baselines(
    run: Run, specs: BaselineSpecs, targets: Sequence[Target], inventory_of: Callable[[str], Snapshot]
) -> Iterator[tuple[Target, Manifest | Short]]:
    """Publish each target's baseline: the tables host, segment, pair_host, pair_segment and ip_metadata as one commit.

    Targets whose ends lie within a month share one reading of their rows, so a backfill does not pay the horizon for
    every day, and memory is bounded by two horizons however long it is.

    Parameters
    ----------
    inventory_of : callable
        Returns the newest inventory snapshot at or before a month, `YYYY-MM`.

    Yields
    ------
    (Target, Manifest or Short)
        In the order of ends; `Short` where the horizon has too little history, and nothing is published.
    """
    for chunk in chunks(targets, max(HORIZONS.values())):
        rows = ChunkRows.of(specs, chunk)
        enough = []
        for target in chunk:
            covered = pieces_coverage(rows.fg_a.within(target.interval).pieces, target.interval)
            if covered < specs.fg_b.min_coverage:
                yield target, Short(target, covered, specs.fg_b.min_coverage)
            else:
                enough.append((target, covered))
        if enough:
            yield from _publish_chunk(run, specs, enough, rows, inventory_of)


@dataclass(frozen=True)
class ChunkRows:
    """What is published of FG-A and of pair counts over the time that a chunk's baselines span."""

    fg_a: Scan
    pair_counts: Scan

    @classmethod
    def of(cls, specs: BaselineSpecs, chunk: Sequence[Target]) -> ChunkRows:
        """Look both up, once."""
        span = Interval(min(target.interval.start for target in chunk), max(target.end for target in chunk))
        columns = (*TEXT_COLUMNS, TIME_COLUMN, *specs.fg_b.metrics)
        return cls(
            Scan.of(specs.fg_b.inputs.fg_a, FG_A, span, columns),
            Scan.of(specs.fg_b.inputs.pair_counts, PAIR_COUNTS, span, PAIR_COLUMNS),
        )


def _publish_chunk(
    run: Run,
    specs: BaselineSpecs,
    targets: Sequence[tuple[Target, float]],
    chunk: ChunkRows,
    inventory_of: Callable[[str], Snapshot],
) -> Iterator[tuple[Target, Manifest]]:
    inventories = [inventory_of(f"{target.end:%Y-%m}") for target, _ in targets]
    orders = [
        BaselineOrder(
            specs.window(target),
            inventory.machines,
            PartitionWriter(baseline_partition_uri(specs.fg_b.outputs.fg_b, target.horizon, target.end)),
        )
        for (target, _), inventory in zip(targets, inventories, strict=True)
    ]
    if run.spark is None:
        written: Iterable[PartitionWriter] = _write_here(specs, orders, chunk)
    else:
        written = write_baselines(run.spark, specs, orders, chunk.fg_a, chunk.pair_counts)
    for (target, covered), writer, inventory in zip(targets, written, inventories, strict=True):
        yield target, _commit(run, target, writer, chunk, covered, inventory)


def _write_here(specs: BaselineSpecs, orders: Sequence[BaselineOrder], chunk: ChunkRows) -> Iterator[PartitionWriter]:
    """Write the baselines one after the other; each writer is ready to be committed when it is yielded."""
    rows = ScanRows(chunk.fg_a)
    statistics = baselines_of_windows(rows, [order.window for order in orders], specs.statistics_rules, THREADS)
    active, by_host = one_slice_rows(rows), PairRows.of(chunk.pair_counts.read())
    by_segment = by_host.by_segment(specs.pair_rules.ipv4_prefix, specs.pair_rules.ipv6_prefix)
    for order in orders:
        of_window = statistics.pop(0)  # given up once written: the largest tables of the job
        sums, segment_sums = (pairs.sums(order.window.interval) for pairs in (by_host, by_segment))
        pairs = pair_baselines(sums, segment_sums, destination_hosts([sums]), order.window, specs.pair_rules)
        tables = (
            (fg_b_host(specs.fg_b.metrics), of_window.host),
            (fg_b_segment(specs.fg_b.metrics), of_window.segment),
            (FG_B_PAIR_HOST, pairs.host),
            (FG_B_PAIR_SEGMENT, pairs.segment),
            (FG_B_IP_METADATA, ip_metadata(active, order.window, order.machines, specs.non_persistent_prefixes)),
        )
        for dataset, table in tables:
            order.writer.write(in_key_order(table, dataset), dataset)
        yield order.writer


def _commit(
    run: Run, target: Target, writer: PartitionWriter, chunk: ChunkRows, covered: float, inventory: Snapshot
) -> Manifest:
    read = (chunk.fg_a.within(target.interval), chunk.pair_counts.within(target.interval))
    return writer.commit(
        dataset="fg_b",
        start=target.interval.start,
        end=target.interval.end,
        inputs=(*(entry for scan in read for entry in scan.inputs), *([inventory.source] if inventory.source else [])),
        coverage=covered,
        note=inventory.note,
        **run.facts,
    )
