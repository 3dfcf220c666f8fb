"""How many hosts of the network, and of each segment, are unusual in a metric in the same window."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numba
import numpy as np
import pyarrow as pa
from numba import types

from ndr.jobs.fg_c.rows import FeatureRows
from ndr.jobs.fg_c.scopes import GROUP, Scopes
from ndr.jobs.fg_c.unusual import Unusual


def counts_schema(metrics: Sequence[str]) -> pa.Schema:
    """Return the columns of counts: GROUP, and of each metric the hosts that were judged and those unusual in it."""
    texts = [pa.field(name, pa.string()) for name in GROUP[:-1]]
    numbers = [pa.field(f"{metric}_{name}", pa.int64()) for metric in metrics for name in ("judged", "unusual")]
    return pa.schema([*texts, pa.field(GROUP[-1], pa.int64()), *numbers])


def host_counts(
    parts: Iterable[Unusual], rows: FeatureRows, scopes: Scopes, counted: Collection[str], metrics: Sequence[str]
) -> pa.Table:
    """Count the hosts of rows, which come in parts.

    A host is unusual in a metric, role and window where its value would add to its score.

    Parameters
    ----------
    parts : iterable of Unusual
        Of the metrics.
    rows : FeatureRows
        All of them.
    scopes : Scopes
        Their groups.
    counted : collection of str
        The segments whose hosts are counted; those of the network always are.

    Returns
    -------
    pa.Table
        `counts_schema` of the metrics; a group has one row.
    """
    groups = scopes.present(rows, counted)
    place = np.full(len(scopes), -1, np.int64)
    place[groups] = np.arange(len(groups))
    counts = np.zeros((len(groups), len(metrics), 2), np.int64)
    for part in parts:
        for of_row in (scopes.of_network(part.rows), scopes.of_segment(part.rows)):
            _add(place[of_row], part.judged, part.unusual, counts)
    columns = np.ascontiguousarray(counts.reshape(len(groups), -1).T)
    return pa.table([*scopes.columns(groups), *map(pa.array, columns)], schema=counts_schema(metrics))


@numba.njit(
    types.void(types.int64[::1], types.boolean[:, ::1], types.boolean[:, ::1], types.int64[:, :, ::1]),
    nogil=True, cache=True,
)  # fmt: skip
def _add(places, judged, unusual, counts):  # type: ignore[no-untyped-def]
    """Add the flags of rows to the counts of their groups; a group of -1 is not counted."""
    for row in range(len(places)):
        if places[row] >= 0:
            for metric in range(judged.shape[1]):
                counts[places[row], metric, 0] += judged[row, metric]
                counts[places[row], metric, 1] += unusual[row, metric]


def added_up(counts: pa.Table) -> pa.Table:
    """Return the counts of several parts of the hosts together, one row a group, in no promised order."""
    names = [name for name in counts.column_names if name not in GROUP]
    sums = counts.group_by(list(GROUP), use_threads=False).aggregate([(name, "sum") for name in names])
    return sums.select([*GROUP, *(f"{name}_sum" for name in names)]).rename_columns(counts.column_names)


def large_segments(segments: Sequence[str], least: int) -> frozenset[str]:
    """Return the segments with enough hosts; `segments` has that of each host."""
    names, counts = np.unique(np.array(segments, str), return_counts=True)
    return frozenset(names[counts >= least].tolist())
