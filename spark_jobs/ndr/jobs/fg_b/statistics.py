"""Host and segment baselines: exact, robust statistics of every FG-A metric over one horizon or many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa

from ndr.contract.time import Interval
from ndr.jobs.fg_b.active_slices import Activity, owners
from ndr.jobs.fg_b.baseline import Baseline, StatisticsRules, span_of
from ndr.jobs.fg_b.baseline_tables import BaselineTables, GroupCounts, HostAndSegment, baseline_table
from ndr.jobs.fg_b.each_horizon import CappedCounts, CappedStrategy, EachHorizon, Marks, Strategy
from ndr.jobs.fg_b.internal_hosts import of_internal_hosts
from ndr.jobs.fg_b.layout import HorizonLayout, RowLayout, lay_out
from ndr.jobs.fg_b.order_statistics import Floats
from ndr.jobs.fg_b.placement import RowKeys
from ndr.jobs.fg_b.row_columns import FoundRows, LaidOutColumns, placed_in_source, read_keys
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
    active: RowSource | None = None,
    found: FoundRows | None = None,
) -> list[BaselineTables]:
    """Compute the host and segment baselines of several, overlapping horizons, reading and grouping the rows once.

    Parameters
    ----------
    rows : Arrow table, record batches, or RowSource
        FG-A rows: host_ip, role, time_band, window_label, window_end and the metrics of `rules`. Any superset of the
        rows of internal hosts in the horizons, in any order, with complete segments: the result for a segment depends
        on its rows alone. Rows whose window_coverage is below 1 are
        left out.
    baselines : sequence of Baseline
        Not empty. Memory grows with the time from the first start to the last end.
    rules : StatisticsRules
    threads : int
        Threads to compute with; the result does not depend on it.
    active : RowSource, optional
        The key columns of the rows of one slice, where they are not among `rows`.
    found : FoundRows, optional
        What `read_keys` returns of `rows` over the horizons, where others need it too.

    Returns
    -------
    list of Baselines
        For each baseline `host` and `segment`, ordered by segment, role, time_band, window_label, host: equal, bit for
        bit, to what the baseline computed alone gives.

    Raises
    ------
    InvalidRequestError
        No published number of window ends for a (time_band, window_label) among the rows.
    SchemaMismatchError
        A key column is missing or has nulls, an address is not valid, or a metric is not numeric.

    Notes
    -----
    The values x of a group and metric are those of its rows; nulls, NaN and infinities are none. With the median m and

        MAD = median of |x - m|

    a row is capped when |x - m| / MAD of a key metric exceeds the JobSpec's capping threshold, by the m and MAD of the
    host's group for the host's statistics, of the segment's for the segment's (robust z without its factor 0.6745;
    Iglewicz & Hoaglin 1993). A MAD of 0 caps nothing. A group of which more than a fifth would be capped is not capped:
    so many are not anomalies. Where no row has a value but capped ones, these count.

    Percentiles of the n values that are left are linear between ranks (Hyndman & Fan 1996, type 7). Of counts and sums,
    p95_all is the same of these values and of z zeros, one for each published window without a row:

        z = N - rows,    rank = 0.95 (n + z - 1)

    where a rank r below z has the value 0 and any other that of rank r - z among the n. N is the number of window ends
    of the time band whose whole window is published, in a segment times the hosts that have a row.

    support_count is the largest number of windows with a value that do not overlap, summed over the hosts of a segment.
    A metric whose support is below the JobSpec's support_min of the window is a cold start.

        active_ratio = distinct window ends of the group / N of one host

    Metrics are read and computed one after the other (a few in each thread), so that memory holds a few columns, never
    the table.
    """
    source = rows if isinstance(rows, RowSource) else TableRows(rows)
    span = span_of(baselines)
    with ThreadPoolExecutor(threads) as pool:
        layout, columns, keys = _laid_out(source, found or read_keys(source, span, pool), rules, pool)
        activity = Activity.of(keys if active is None else read_keys(active, span, pool)[0], rules)
        del keys, found
        horizons = [layout.within(baseline) for baseline in baselines]
        strategy = _strategy(layout, [baseline.interval for baseline in baselines], horizons)
        together = max(1, _COLUMN_BYTES // (threads * 8 * max(len(layout.moments), 1)))
        tasks = max(threads, -(-len(rules.metrics) // together))
        capped, metrics = _all_metrics(columns, strategy, rules, pool, tasks)
    by_horizon = [{name: each[number] for name, each in metrics.items()} for number in range(len(baselines))]
    each_horizon = zip(baselines, horizons, capped.capped_counts, by_horizon, strict=True)
    return [_tables(*each, activity, rules) for each in each_horizon]


def _laid_out(
    source: RowSource, found: FoundRows, rules: StatisticsRules, pool: Executor
) -> tuple[RowLayout, LaidOutColumns, RowKeys]:
    """Group the found rows of internal hosts; return the layout, the metric columns in it, and the key columns."""
    keys, selections = of_internal_hosts(*found, rules.networks_of_hosts)
    layout = lay_out(keys, rules, pool)
    chosen = placed_in_source(layout.placements, selections)
    return layout, LaidOutColumns(source, chosen, len(layout.moments)), keys


def _strategy(layout: RowLayout, intervals: Sequence[Interval], horizons: Sequence[HorizonLayout]) -> Strategy:
    if len(horizons) < _MANY:
        return EachHorizon.of(layout, horizons)
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
            found[name] = capped.statistics(own[name], name in rules.counts_and_sums)
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
    capped: CappedCounts,
    metrics: dict[str, HostAndSegment],
    activity: Activity,
    rules: StatisticsRules,
) -> BaselineTables:
    rows = horizon.host_rows
    host_active = activity.hosts.within(baseline.interval, owners(horizon.host_columns, "host_ip"))
    segment_active = activity.segments.within(baseline.interval, owners(horizon.segment_columns, "segment_id"))
    host_counts = GroupCounts(rows, capped.host, horizon.host_ends, horizon.host_published, *host_active)
    ends = horizon.segment_ends
    published = horizon.host_published[horizon.segment_groups[:-1]]
    segment_counts = GroupCounts(horizon.segment_rows, capped.segment, ends, published, *segment_active)
    host_metrics = {name: metric.host for name, metric in metrics.items()}
    segment_metrics = {name: metric.segment for name, metric in metrics.items()}
    return BaselineTables(
        host=baseline_table(horizon.host_columns, host_counts, host_metrics, baseline, rules),
        segment=baseline_table(horizon.segment_columns, segment_counts, segment_metrics, baseline, rules),
    )
