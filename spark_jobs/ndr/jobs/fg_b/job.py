"""The FG-B builder: published FG-A, pair counts and the inventory in, one partition a baseline out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ndr.contract.datasets import (
    FG_A,
    FG_B_IP_METADATA,
    FG_B_PAIR_HOST,
    FG_B_PAIR_SEGMENT,
    PAIR_COUNTS,
    Dataset,
    fg_b_host,
    fg_b_segment,
)
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.manifest import Manifest
from ndr.jobs.catalog import pieces_coverage
from ndr.jobs.fg_b.expected_ends import expected_ends
from ndr.jobs.fg_b.ip_metadata import ip_metadata
from ndr.jobs.fg_b.pairs import PairRules, destination_hosts, pair_baselines, pair_sums
from ndr.jobs.fg_b.request import BaselineWindow, StatisticsRules
from ndr.jobs.fg_b.scan_rows import TEXT_COLUMNS, ScanRows
from ndr.jobs.fg_b.statistics import host_and_segment_baselines
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.inventory.snapshot import Snapshot
from ndr.jobs.partition import baseline_partition_uri
from ndr.jobs.publish import PartitionWriter
from ndr.jobs.run import Run
from ndr.jobs.scan import Scan
from ndr.jobs.schema import arrow_schema

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

    Parameters
    ----------
    inventory_of : callable
        Returns the newest inventory snapshot at or before a month, `YYYY-MM`.

    Yields
    ------
    (Target, Manifest or Short)
        In the order given; `Short` where the horizon has too little history, and nothing is published.
    """
    for target in targets:
        columns = (*TEXT_COLUMNS, "window_end", *specs.fg_b.metrics)
        fg_a = Scan.of(specs.fg_b.inputs.fg_a, FG_A, target.interval, columns)
        covered = pieces_coverage(fg_a.pieces, target.interval)
        if covered < specs.fg_b.min_coverage:
            yield target, Short(target, covered, specs.fg_b.min_coverage)
            continue
        yield target, _publish_one(run, specs, target, fg_a, covered, inventory_of(f"{target.end:%Y-%m}"))


def _publish_one(
    run: Run, specs: BaselineSpecs, target: Target, fg_a: Scan, covered: float, inventory: Snapshot
) -> Manifest:
    pair_counts = Scan.of(specs.fg_b.inputs.pair_counts, PAIR_COUNTS, target.interval, PAIR_COLUMNS)
    writer = PartitionWriter(baseline_partition_uri(specs.fg_b.outputs.fg_b, target.horizon, target.end))
    for dataset, table in _tables(specs, target, fg_a, pair_counts, inventory):
        writer.write(_in_key_order(table, dataset), dataset)
    inputs = (*fg_a.inputs, *pair_counts.inputs, *([inventory.source] if inventory.source else []))
    return writer.commit(
        dataset="fg_b",
        start=target.interval.start,
        end=target.interval.end,
        inputs=inputs,
        coverage=covered,
        note=inventory.note,
        **run.facts,
    )


def _tables(
    specs: BaselineSpecs, target: Target, fg_a: Scan, pair_counts: Scan, inventory: Snapshot
) -> Iterator[tuple[Dataset, pa.Table]]:
    expected = expected_ends(target.interval, specs.fg_a.business_hours, specs.fg_a.windows)
    window = BaselineWindow(target.horizon, target.interval, expected)
    rows = ScanRows(fg_a)
    baselines = host_and_segment_baselines(rows, window, specs.statistics_rules, THREADS)
    yield fg_b_host(specs.fg_b.metrics), baselines.host
    yield fg_b_segment(specs.fg_b.metrics), baselines.segment
    sums = pair_sums(pair_counts.read(), target.interval, THREADS)
    pairs = pair_baselines(sums, destination_hosts([sums]), window, specs.pair_rules)
    yield FG_B_PAIR_HOST, pairs.host
    yield FG_B_PAIR_SEGMENT, pairs.segment
    yield FG_B_IP_METADATA, ip_metadata(rows, window, inventory.machines, specs.non_persistent_prefixes)


def _in_key_order(table: pa.Table, dataset: Dataset) -> pa.Table:
    ordered = table.sort_by([(name, "ascending") for name in dataset.key])
    return ordered.select(dataset.column_names).cast(arrow_schema(dataset))
