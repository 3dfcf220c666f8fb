"""FG-B in one process: statistics, pairs and machines of many baselines from one reading of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ndr.contract.datasets import FG_B_IP_METADATA, FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT, fg_b_host, fg_b_segment
from ndr.contract.time import Interval
from ndr.jobs.fg_b.baseline import BaselineOrder, BaselineWindow
from ndr.jobs.fg_b.baseline_tables import Baselines
from ndr.jobs.fg_b.ip_metadata import HostActivity, ip_metadata
from ndr.jobs.fg_b.pair_rows import PairRows, condense_for
from ndr.jobs.fg_b.pairs import PairBaselines, destination_hosts, pair_baselines
from ndr.jobs.fg_b.row_source import ScanRows, one_slice_rows
from ndr.jobs.fg_b.specs import BaselineSpecs, PairRules
from ndr.jobs.fg_b.statistics import baselines_of_windows
from ndr.store.publish import PartitionWriter, in_key_order
from ndr.store.scan import Scan

THREADS = 2


def write_baselines(
    specs: BaselineSpecs, orders: Sequence[BaselineOrder], fg_a: Scan, pair_counts: Scan
) -> Iterator[PartitionWriter]:
    """Write the five tables of each ordered baseline, in order and THREADS at a time.

    Parameters
    ----------
    fg_a : Scan
        TEXT_COLUMNS, window_end and the metrics, over all ordered windows.
    pair_counts : Scan
        PAIR_COLUMNS, over all ordered windows.

    Yields
    ------
    PartitionWriter
        Of each order, ready to be committed.
    """
    windows = [order.window for order in orders]
    rows = ScanRows(fg_a)
    statistics = baselines_of_windows(rows, windows, specs.statistics_rules, THREADS)
    shared = SharedRows.of(specs, rows, pair_counts, windows)

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
        by_segment = by_host.by_segment(specs.pair_rules.segment)
        return cls(HostActivity.of(one_slice_rows(rows), span, THREADS), by_host, by_segment)

    def pairs(self, window: BaselineWindow, rules: PairRules) -> PairBaselines:
        """Return the pair baselines of one window."""
        sums, segment_sums = (pairs.sums(window.interval) for pairs in (self.by_host, self.by_segment))
        return pair_baselines(sums, segment_sums, destination_hosts([sums]), window, rules)
