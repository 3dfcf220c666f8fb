"""How many hosts of the network, and of each segment, are unusual in a metric in the same window."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.jobs.deltas.grouping import packed
from ndr.jobs.fg_c.formulas import Ints
from ndr.jobs.fg_c.judges import coded_column
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.jobs.fg_c.unusual import Unusual

NETWORK: Final = ""
"""In place of a segment: all hosts."""
GROUP: Final = ("segment_id", "role", "window_label", "window_end")
"""`window_end` in microseconds since the epoch."""
PENDING_ROWS: Final = 100_000
"""Counts of parts are added up when there are so many rows of them."""

Group = tuple[str, str, str, int]


def counts_schema(metrics: Sequence[str]) -> pa.Schema:
    """Return the columns of counts: GROUP, and of each metric the hosts that were judged and those unusual in it."""
    texts = [pa.field(name, pa.string()) for name in GROUP[:-1]]
    numbers = [pa.field(f"{metric}_{name}", pa.int64()) for metric in metrics for name in ("judged", "unusual")]
    return pa.schema([*texts, pa.field(GROUP[-1], pa.int64()), *numbers])


def host_counts(found: Unusual, segments: Sequence[str], counted: Collection[str]) -> pa.Table:
    """Count the hosts of a part of the rows.

    A host is unusual in a metric, role and window where its value would add to its score.

    Parameters
    ----------
    found : Unusual
    segments : sequence of str
        The segment of each of the rows' hosts.
    counted : collection of str
        The segments whose hosts are counted; those of the network always are.

    Returns
    -------
    pa.Table
        `counts_schema` of the metrics; a group has one row.
    """
    schema = counts_schema(found.metrics)
    if not found.judged.any():
        return schema.empty_table()
    flags = np.stack([found.judged, found.unusual], axis=2).reshape(len(found.rows), -1).astype(np.int8)
    tables = []
    for groups in scopes(found.rows, segments):
        wanted = [place for place, key in enumerate(groups.keys) if key[0] in counted or key[0] == NETWORK]
        sums = groups.sums(flags)[wanted].T
        keys = [[groups.keys[place][column] for place in wanted] for column in range(len(GROUP))]
        tables.append(pa.table([*keys, *(pa.array(each) for each in sums)], schema=schema))
    return pa.concat_tables(tables)


def added_up(tables: Iterable[pa.Table], metrics: Sequence[str]) -> pa.Table:
    """Return the counts of all parts, one row a group, in no promised order; memory holds a few parts."""
    pending = [counts_schema(metrics).empty_table()]
    for table in tables:
        pending.append(table)
        if sum(each.num_rows for each in pending[1:]) > PENDING_ROWS:
            pending = [_sums(pending)]
    return _sums(pending)


def _sums(tables: Sequence[pa.Table]) -> pa.Table:
    schema = tables[0].schema
    numbers = [name for name in schema.names if name not in GROUP]
    together = pa.concat_tables(tables).group_by(list(GROUP), use_threads=False)
    sums = together.aggregate([(name, "sum") for name in numbers])
    return pa.table([*(sums[name] for name in GROUP), *(sums[f"{name}_sum"] for name in numbers)], schema=schema)


def large_segments(segments: Sequence[str], least: int) -> frozenset[str]:
    """Return the segments with enough hosts; `segments` has that of each host."""
    names, counts = np.unique(np.array(segments, str), return_counts=True)
    return frozenset(names[counts >= least].tolist())


@dataclass(frozen=True)
class Groups:
    """The groups of rows: `of_row`, int64[rows], is the place of each row's among `keys`."""

    keys: list[Group]
    of_row: Ints

    def sums(self, flags: NDArray[np.int8]) -> Ints:
        """Return the sums of each group's rows of an array, int64[groups, columns]."""
        order = np.argsort(self.of_row, kind="stable")
        starts = np.searchsorted(self.of_row[order], np.arange(len(self.keys)))
        return np.add.reduceat(flags[order], starts, axis=0, dtype=np.int64)


def scopes(rows: FeatureRows, segments: Sequence[str]) -> Iterator[Groups]:
    """Yield the groups of rows by role, window and window end: those of all hosts, then those of each segment."""
    labels = [coded_column(rows.table[name]) for name in ("role", "window_label")]
    words = [each.dictionary.to_pylist() for each in labels]
    ends, end_of = np.unique(rows.ends, return_inverse=True)
    names = sorted(set(segments))
    place = {name: number for number, name in enumerate(names)}
    segment_of = np.array([place[name] for name in segments], np.int64)[rows.host_of]
    shared = [*(each.indices.to_numpy().astype(np.int64) for each in labels), end_of]
    sizes = [*(len(each) for each in words), len(ends)]
    for texts, segment in (([NETWORK], np.zeros(len(rows), np.int64)), (names, segment_of)):
        _, first, of_row = np.unique(
            packed([segment, *shared], [len(texts), *sizes]), return_index=True, return_inverse=True
        )
        columns = [column[first].tolist() for column in (segment, *shared)]
        keys = [
            (texts[one], words[0][role], words[1][window], int(ends[end]))
            for one, role, window, end in zip(*columns, strict=True)
        ]
        yield Groups(keys, of_row)
