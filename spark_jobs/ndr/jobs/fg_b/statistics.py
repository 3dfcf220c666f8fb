"""Host and segment baselines: exact, robust statistics of every FG-A metric over one horizon or many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa

from ndr.contract.time import Interval
from ndr.jobs.fg_b.baseline import Baseline
from ndr.jobs.fg_b.baseline_tables import BaselineTables, GroupCounts, HostAndSegment, baseline_table
from ndr.jobs.fg_b.each_horizon import CappedStrategy, EachHorizon, Marks, Strategy
from ndr.jobs.fg_b.layout import HorizonLayout, RowLayout, lay_out
from ndr.jobs.fg_b.order_statistics import Floats, Ints
from ndr.jobs.fg_b.row_columns import laid_out_columns, placements, read_keys
from ndr.jobs.fg_b.row_source import RowSource, TableRows
from ndr.jobs.fg_b.specs import StatisticsRules

ReadColumns = Callable[[Sequence[str]], dict[str, Floats]]

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
        rows of the horizons, in any order, with complete segments: the result for a segment depends on its rows alone.
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
        layout, read = _laid_out(source, span, rules, pool)
        horizons = [layout.within(baseline.interval) for baseline in baselines]
        strategy = _strategy(layout, [baseline.interval for baseline in baselines], horizons)
        held, capped = _capped(read, strategy, rules, pool, threads)
        together = max(1, _COLUMN_BYTES // (threads * 8 * max(len(layout.places), 1)))
        tasks = max(threads, -(-len(rules.metrics) // together))
        metrics = _all_metrics(read, held, capped, rules, pool, tasks)
    by_horizon = [{name: each[number] for name, each in metrics.items()} for number in range(len(baselines))]
    return [_tables(*each, rules) for each in zip(baselines, horizons, capped.kept_counts, by_horizon, strict=True)]


def _laid_out(
    source: RowSource, span: Interval, rules: StatisticsRules, pool: Executor
) -> tuple[RowLayout, ReadColumns]:
    """Group the rows of the span; return the layout, and how to read metric columns into it."""
    keys, selections = read_keys(source, span, pool)
    layout = lay_out(keys, rules)
    chosen = placements(selections, layout.places, pool)
    return layout, partial(laid_out_columns, source, chosen, len(layout.places))


def _strategy(layout: RowLayout, intervals: Sequence[Interval], horizons: Sequence[HorizonLayout]) -> Strategy:
    if len(horizons) < _MANY:
        return EachHorizon(horizons)
    # Imported here: loading the compiled code takes longer than computing a horizon or two.
    from ndr.jobs.fg_b.sliding import SlidingHorizons

    return SlidingHorizons.of(layout, intervals, horizons)


def _capped(
    read: ReadColumns, strategy: Strategy, rules: StatisticsRules, pool: Executor, threads: int
) -> tuple[dict[str, Floats], CappedStrategy]:
    """Return the columns of the key metrics, and the strategy with the anomalous rows of any of them capped."""
    held: dict[str, Floats] = {}
    marks = strategy.unmarked()

    def mark(names: Sequence[str]) -> tuple[dict[str, Floats], list[list[Marks]]]:
        columns = read(names)
        return columns, [strategy.anomalous(column, rules.capping_limit) for column in columns.values()]

    for columns, found in pool.map(mark, _shares(rules.key_metrics, threads)):
        held |= columns
        for of_metric in found:
            for known, more in zip(marks, of_metric, strict=True):
                np.bitwise_or(known, more, out=known)
    return held, strategy.capped(marks)


def _all_metrics(
    read: ReadColumns,
    held: dict[str, Floats],
    capped: CappedStrategy,
    rules: StatisticsRules,
    pool: Executor,
    tasks: int,
) -> dict[str, list[HostAndSegment]]:
    """Compute every metric of every horizon in `tasks` tasks; columns in `held` are released one by one."""

    def compute(names: Sequence[str]) -> dict[str, list[HostAndSegment]]:
        columns = {name: held.pop(name) for name in names if name in held} or read(names)
        return {name: capped.statistics(columns.pop(name)) for name in names}

    others = [name for name in rules.metrics if name not in rules.key_metrics]
    metrics: dict[str, list[HostAndSegment]] = {}
    for done in pool.map(compute, [*([name] for name in rules.key_metrics), *_shares(others, tasks)]):
        metrics |= done
    return metrics


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
