"""Host and segment baselines: exact, robust statistics of every FG-A metric over one horizon or many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa

from ndr.contract.time import Interval
from ndr.jobs.fg_b.baseline import Baseline, StatisticsRules
from ndr.jobs.fg_b.baseline_tables import BaselineTables, GroupCounts, HostAndSegment, baseline_table
from ndr.jobs.fg_b.each_horizon import CappedStrategy, EachHorizon, Marks, Strategy
from ndr.jobs.fg_b.internal_hosts import of_internal_hosts
from ndr.jobs.fg_b.layout import HorizonLayout, RowLayout, lay_out
from ndr.jobs.fg_b.order_statistics import Floats, Ints
from ndr.jobs.fg_b.row_columns import LaidOutColumns, placed_in_source, read_keys
from ndr.jobs.fg_b.row_source import RowSource, TableRows

# Metric columns that are in memory at a time, over all threads; a single larger column is still read whole.
_COLUMN_BYTES = 64 << 20
# From this number of horizons on, one sort for all of them is faster than a sort for each.
_MANY = 4


def host_and_segment_baselines(
    rows: pa.Table | Iterable[pa.RecordBatch] | RowSource,
    baseline: Baseline,
    rules: StatisticsRules,
    threads: int = 1,
) -> BaselineTables:
    """Compute the host and segment baselines of one horizon: `tables_of_baselines` for one baseline."""
    return tables_of_baselines(rows, [baseline], rules, threads)[0]


def tables_of_baselines(
    rows: pa.Table | Iterable[pa.RecordBatch] | RowSource,
    baselines: Sequence[Baseline],
    rules: StatisticsRules,
    threads: int = 1,
) -> list[BaselineTables]:
    """Compute the host and segment baselines of several, overlapping horizons, reading and grouping the rows once.

    Parameters
    ----------
    rows : Arrow table, record batches, or RowSource
        FG-A rows: host_ip, role, time_band, window_label, window_end and the metrics of `rules`. Any superset of the
        rows of internal hosts in the horizons, in any order, with complete segments: the result for a segment depends
        on its rows alone.
    baselines : sequence of Baseline
        Not empty. Memory grows with the time from the first start to the last end.
    rules : StatisticsRules
    threads : int
        Threads to compute with; the result does not depend on it.

    Returns
    -------
    list of Baselines
        For each baseline `host` and `segment`, ordered by segment, role, time_band, window_label, host: equal, bit for
        bit, to what the baseline computed alone gives.

    Raises
    ------
    InvalidRequestError
        No expected number of window ends for a (time_band, window_label) among the rows.
    SchemaMismatchError
        A key column is missing or has nulls, an address is not valid, or a metric is not numeric.

    Notes
    -----
    Nulls, NaN and infinities are missing: they count in no statistic and no support. Metrics are read and computed
    one after the other (a few in each thread), so that memory holds a few columns, never the table.
    """
    source = rows if isinstance(rows, RowSource) else TableRows(rows)
    span = Interval(min(each.interval.start for each in baselines), max(each.end for each in baselines))
    with ThreadPoolExecutor(threads) as pool:
        layout, columns = _laid_out(source, span, rules, pool)
        horizons = [layout.within(baseline.interval) for baseline in baselines]
        strategy = _strategy(layout, [baseline.interval for baseline in baselines], horizons)
        together = max(1, _COLUMN_BYTES // (threads * 8 * max(len(layout.moments), 1)))
        tasks = max(threads, -(-len(rules.metrics) // together))
        capped, metrics = _all_metrics(columns, strategy, rules, pool, tasks)
    by_horizon = [{name: each[number] for name, each in metrics.items()} for number in range(len(baselines))]
    return [_tables(*each, rules) for each in zip(baselines, horizons, capped.kept_counts, by_horizon, strict=True)]


def _laid_out(
    source: RowSource, span: Interval, rules: StatisticsRules, pool: Executor
) -> tuple[RowLayout, LaidOutColumns]:
    """Group the rows of the span; return the layout, and the metric columns in it."""
    keys, selections = of_internal_hosts(*read_keys(source, span, pool), rules.networks)
    layout = lay_out(keys, rules, pool)
    chosen = placed_in_source(layout.placements, selections)
    return layout, LaidOutColumns(source, chosen, len(layout.moments))


def _strategy(layout: RowLayout, intervals: Sequence[Interval], horizons: Sequence[HorizonLayout]) -> Strategy:
    if len(horizons) < _MANY:
        return EachHorizon(horizons)
    # Imported here: loading the compiled code takes longer than computing a horizon or two.
    from ndr.jobs.fg_b.sliding import SlidingHorizons

    return SlidingHorizons.of(layout, intervals, horizons)


def _all_metrics(
    columns: LaidOutColumns, strategy: Strategy, rules: StatisticsRules, pool: Executor, tasks: int
) -> tuple[CappedStrategy, dict[str, list[HostAndSegment]]]:
    """Cap the rows that a key metric makes anomalous, then compute every metric of every horizon.

    While the last key metric is judged, the other threads have nothing to do but to read the first of the others.
    """

    def mark(name: str) -> tuple[dict[str, Floats], list[Marks]]:
        read = columns.read([name])
        return read, strategy.anomalous(read[name], rules.capping_limit)

    def compute(read: Callable[[], dict[str, Floats]]) -> dict[str, list[HostAndSegment]]:
        own = read()
        found = {}
        for name in list(own):
            found[name] = capped.statistics(own[name])
            columns.release(own.pop(name))
        return found

    others = _shares([name for name in rules.metrics if name not in rules.key_metrics], tasks)
    marking = [pool.submit(mark, name) for name in rules.key_metrics]
    early = [pool.submit(columns.read, names) for names in others[:1]]
    marks = strategy.unmarked()
    reads: list[Callable[[], dict[str, Floats]]] = []
    for task in marking:
        held, found = task.result()
        reads.append(lambda held=held: held)  # type: ignore[misc]
        for known, more in zip(marks, found, strict=True):
            np.bitwise_or(known, more, out=known)
    capped = strategy.capped(marks)
    reads += [task.result for task in early]
    reads += [partial(columns.read, names) for names in others[1:]]
    return capped, {name: metric for done in pool.map(compute, reads) for name, metric in done.items()}


def _shares(names: Sequence[str], count: int) -> list[list[str]]:
    """Distribute names over at most `count` lists of nearly equal length."""
    return [share for share in (list(names[start::count]) for start in range(count)) if share]


def _tables(
    baseline: Baseline,
    horizon: HorizonLayout,
    kept_counts: Ints,
    metrics: dict[str, HostAndSegment],
    rules: StatisticsRules,
) -> BaselineTables:
    rows = np.diff(horizon.host_offsets)
    capped_rows = rows - kept_counts
    host_counts = GroupCounts(rows, capped_rows, rows)
    firsts = horizon.segment_groups[:-1]
    segment_rows, segment_capped = (np.add.reduceat(counts, firsts) for counts in (rows, capped_rows))
    segment_counts = GroupCounts(segment_rows, segment_capped, horizon.segment_ends)
    of_hosts = {name: metric.host for name, metric in metrics.items()}
    of_segments = {name: metric.segment for name, metric in metrics.items()}
    return BaselineTables(
        host=baseline_table(horizon.host_columns, host_counts, of_hosts, baseline, rules),
        segment=baseline_table(horizon.segment_columns, segment_counts, of_segments, baseline, rules),
    )
