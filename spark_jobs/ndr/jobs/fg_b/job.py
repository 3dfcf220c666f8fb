"""The FG-B builder: published FG-A, pair counts and the inventory in, one partition a baseline out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
from ndr.contract.history import short_sentence
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.manifest import Manifest
from ndr.contract.time import HORIZONS, Interval, merged, unfilled
from ndr.jobs.catalog import pieces_coverage, published_pieces
from ndr.jobs.fg_b.backfill import chunks
from ndr.jobs.fg_b.baseline_tables import Baselines
from ndr.jobs.fg_b.expected_ends import expected_ends
from ndr.jobs.fg_b.ip_metadata import HostActivity, ip_metadata
from ndr.jobs.fg_b.leases import Claims, Held, Unclaimed
from ndr.jobs.fg_b.order import BaselineOrder
from ndr.jobs.fg_b.pair_rows import PairRows, condense_for
from ndr.jobs.fg_b.pairs import PairBaselines, PairRules, destination_hosts, pair_baselines
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
    missing: tuple[Interval, ...] = ()

    def __str__(self) -> str:
        return short_sentence(self.target.horizon, self.target.end, self.coverage, self.wanted, self.missing)


def publish_baselines(
    run: Run,
    specs: BaselineSpecs,
    targets: Sequence[Target],
    inventory_of: Callable[[str], Snapshot],
    claims: Claims = Unclaimed(),  # noqa: B008 - it has no state
) -> Iterator[tuple[Target, Manifest | Short | Held]]:
    """Publish each target's baseline: the tables host, segment, pair_host, pair_segment and ip_metadata as one commit.

    Targets whose ends lie within a month share one reading of their rows, so a backfill does not pay the horizon for
    every day, and memory is bounded by two horizons however long it is.

    Parameters
    ----------
    inventory_of : callable
        Returns the newest inventory snapshot at or before a month, `YYYY-MM`.
    claims : Claims
        What a chunk's baselines are claimed with before they are built.

    Yields
    ------
    (Target, Manifest or Short or Held)
        `Short` where the horizon has too little history, `Held` where another run is building it; nothing is published
        then.

    Raises
    ------
    PublishConflictError
        Another run took a baseline over.
    """
    for asked in chunks(targets, max(HORIZONS.values())):
        chunk = []
        for target in asked:
            held = claims.claim(target)
            if held:
                yield target, held
            else:
                chunk.append(target)
        if not chunk:
            continue
        rows = ChunkRows.of(specs, chunk)
        enough = []
        for target in chunk:
            covered = rows.coverage(target.interval)
            if covered < specs.fg_b.min_coverage:
                yield target, Short(target, covered, specs.fg_b.min_coverage, rows.missing(specs, target.interval))
            else:
                enough.append((target, covered))
        if enough:
            yield from _publish_chunk(run, specs, enough, rows, inventory_of, claims)


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

    def coverage(self, interval: Interval) -> float:
        """Return the share of an interval that FG-A and pair counts both have, by the one that has less."""
        return min(pieces_coverage(scan.within(interval).pieces, interval) for scan in (self.fg_a, self.pair_counts))

    def missing(self, specs: BaselineSpecs, interval: Interval) -> tuple[Interval, ...]:
        """Return the parts of an interval for which deltas, FG-A or pair counts are not published, or of nothing."""
        read = [self.fg_a.within(interval).pieces, self.pair_counts.within(interval).pieces]
        read.append(tuple(published_pieces(specs.fg_a.inputs.deltas, interval)))
        delivered = ([piece.interval for piece in pieces if piece.partition.manifest.coverage > 0] for pieces in read)
        return tuple(merged(gap for covered in delivered for gap in unfilled(interval, covered)))


def _publish_chunk(
    run: Run,
    specs: BaselineSpecs,
    targets: Sequence[tuple[Target, float]],
    chunk: ChunkRows,
    inventory_of: Callable[[str], Snapshot],
    claims: Claims,
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
        claims.fence(target)
        yield target, _commit(run, target, writer, chunk, covered, inventory)


def _write_here(specs: BaselineSpecs, orders: Sequence[BaselineOrder], chunk: ChunkRows) -> Iterator[PartitionWriter]:
    """Write the baselines in order, THREADS at a time; each writer can be committed when it is yielded."""
    windows = [order.window for order in orders]
    rows = ScanRows(chunk.fg_a)
    statistics = baselines_of_windows(rows, windows, specs.statistics_rules, THREADS)
    shared = SharedRows.of(specs, rows, chunk.pair_counts, windows)

    def write(order: BaselineOrder, of_window: Baselines) -> PartitionWriter:
        pairs = shared.pairs(order.window, specs.pair_rules)
        host, segment = fg_b_host(specs.fg_b.metrics), fg_b_segment(specs.fg_b.metrics)
        order.writer.write(in_key_order(of_window.host, host), host)
        order.writer.write(in_key_order(of_window.segment, segment), segment)
        order.writer.write(pairs.host, FG_B_PAIR_HOST)
        order.writer.write(pairs.segment, FG_B_PAIR_SEGMENT)
        known = ip_metadata(shared.activity, order.window, order.machines, specs.non_persistent_prefixes)
        order.writer.write(known, FG_B_IP_METADATA)
        return order.writer

    with ThreadPoolExecutor(THREADS) as pool:
        # Statistics, the largest tables of the job, are given up one by one.
        yield from pool.map(write, orders, (statistics.pop(0) for _ in orders))


@dataclass(frozen=True)
class SharedRows:
    """What all baselines of a chunk take their pairs and the hosts' activity from."""

    activity: HostActivity
    by_host: PairRows
    by_segment: PairRows

    @classmethod
    def of(
        cls, specs: BaselineSpecs, rows: ScanRows, pair_counts: Scan, windows: Sequence[BaselineWindow]
    ) -> SharedRows:
        intervals = [window.interval for window in windows]
        span = Interval(min(each.start for each in intervals), max(each.end for each in intervals))
        by_host = PairRows.of(pair_counts.each_file(condense_for(intervals)), intervals)
        by_segment = by_host.by_segment(specs.pair_rules.ipv4_prefix, specs.pair_rules.ipv6_prefix)
        return cls(HostActivity.of(one_slice_rows(rows), span, THREADS), by_host, by_segment)

    def pairs(self, window: BaselineWindow, rules: PairRules) -> PairBaselines:
        """Return the pair baselines of one window."""
        sums, segment_sums = (pairs.sums(window.interval) for pairs in (self.by_host, self.by_segment))
        return pair_baselines(sums, segment_sums, destination_hosts([sums]), window, rules)


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
