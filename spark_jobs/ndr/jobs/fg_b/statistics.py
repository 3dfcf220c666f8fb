"""Host and segment baselines: exact, robust statistics of every FG-A metric over a horizon."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.jobs.fg_b.baseline_tables import Baselines, GroupCounts, baseline_table
from ndr.jobs.fg_b.capping import anomalous_rows
from ndr.jobs.fg_b.layout import GroupLayout, lay_out
from ndr.jobs.fg_b.metric_statistics import HostAndSegment, count_marked, metric_statistics
from ndr.jobs.fg_b.order_statistics import Floats
from ndr.jobs.fg_b.request import BaselineWindow, StatisticsRules
from ndr.jobs.fg_b.row_columns import laid_out_columns, placements, read_keys
from ndr.jobs.fg_b.row_source import RowSource, TableRows

ReadColumns = Callable[[Sequence[str]], dict[str, Floats]]

# Metric columns that are in memory at a time, over all threads; a single larger column is still read whole.
_COLUMN_BYTES = 64 << 20


def host_and_segment_baselines(
    rows: pa.Table | Iterable[pa.RecordBatch] | RowSource,
    window: BaselineWindow,
    rules: StatisticsRules,
    threads: int = 1,
) -> Baselines:
    """Compute the host and segment baselines of one horizon.

    Parameters
    ----------
    rows : Arrow table, record batches, or RowSource
        FG-A rows: host_ip, role, time_band, window_label, window_end and the metrics of `rules`. Any superset of the
        horizon's rows in any order, with the segments whole: the result for a segment depends on its rows alone.
    window : BaselineWindow
    rules : StatisticsRules
    threads : int
        Threads to compute with; the result does not depend on it.

    Returns
    -------
    Baselines
        `host` and `segment`, ordered by segment, role, time_band, window_label, host.

    Raises
    ------
    InvalidRequestError
        No expected number of window ends for a (time_band, window_label) among the rows.
    SchemaMismatchError
        A key column is missing or has nulls, an address is no address, or a metric is not numeric.

    Notes
    -----
    Nulls, NaN and infinities are missing: they count in no statistic and no support. Metrics are read and computed
    one after the other (a thread each), so that memory holds a few columns, never the table.
    """
    source = rows if isinstance(rows, RowSource) else TableRows(rows)
    with ThreadPoolExecutor(threads) as pool:
        keys, selections = read_keys(source, window.interval, pool)
        layout = lay_out(keys, rules)
        del keys
        chosen = placements(selections, layout.places, pool)
        read = partial(laid_out_columns, source, chosen, len(layout.places))
        kept, metrics = _all_metrics(read, layout, rules, pool, threads)
    return _tables(layout, kept, metrics, window, rules)


def _all_metrics(
    read: ReadColumns, layout: GroupLayout, rules: StatisticsRules, pool: Executor, threads: int
) -> tuple[NDArray[np.bool_], dict[str, HostAndSegment]]:
    """Cap by the key metrics, then compute every metric; return the rows that capping keeps, too."""
    rows = len(layout.places)
    together = max(1, _COLUMN_BYTES // (threads * 8 * max(rows, 1)))
    held: dict[str, Floats] = {}
    kept = np.ones(rows, bool)
    for columns, anomalous in pool.map(partial(_key_columns, read, layout, rules), _shares(rules.key_metrics, threads)):
        held |= columns
        kept &= ~anomalous

    def compute(names: Sequence[str]) -> dict[str, HostAndSegment]:
        columns = {name: held.pop(name) for name in names if name in held} or read(names)
        return {name: metric_statistics(columns.pop(name), kept, layout) for name in names}

    others = [name for name in rules.metrics if name not in rules.key_metrics]
    tasks = [[name] for name in rules.key_metrics]
    tasks += _shares(others, max(threads, -(-len(others) // together)))
    metrics: dict[str, HostAndSegment] = {}
    for done in pool.map(compute, tasks):
        metrics |= done
    return kept, metrics


def _key_columns(
    read: ReadColumns, layout: GroupLayout, rules: StatisticsRules, names: Sequence[str]
) -> tuple[dict[str, Floats], NDArray[np.bool_]]:
    """Read some key metrics and mark the rows that any of them caps."""
    columns = read(names)
    offsets = layout.host_offsets[layout.segment_groups]
    anomalous = np.zeros(len(layout.places), bool)
    for name in names:
        anomalous |= anomalous_rows(columns[name], offsets, rules.capping_limit)
    return columns, anomalous


def _shares(names: Sequence[str], count: int) -> list[list[str]]:
    """Deal names into at most `count` lists of nearly equal length."""
    return [share for share in (list(names[start::count]) for start in range(count)) if share]


def _tables(
    layout: GroupLayout,
    kept: NDArray[np.bool_],
    metrics: dict[str, HostAndSegment],
    window: BaselineWindow,
    rules: StatisticsRules,
) -> Baselines:
    rows = np.diff(layout.host_offsets)
    capped = rows - count_marked(kept, layout.host_offsets)
    host_counts = GroupCounts(rows, capped, rows)
    firsts = layout.segment_groups[:-1]
    segment_counts = GroupCounts(np.add.reduceat(rows, firsts), np.add.reduceat(capped, firsts), layout.segment_ends)
    of_hosts = {name: metric.host for name, metric in metrics.items()}
    of_segments = {name: metric.segment for name, metric in metrics.items()}
    return Baselines(
        host=baseline_table(layout.host_columns, host_counts, of_hosts, window, rules),
        segment=baseline_table(layout.segment_columns, segment_counts, of_segments, window, rules),
    )
