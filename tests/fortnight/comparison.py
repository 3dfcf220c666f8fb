"""Compare what a stack has published with the bulk build of the same traffic, value for value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ndr.contract.datasets import DELTAS, FG_A, FG_B_PARTS, PAIR_COUNTS, PEER_DELTAS, fg_b_tables
from ndr.jobs.fg_b.targets import Target
from ndr.store.catalog import Partition
from ndr.store.manifest import read_manifest
from ndr.store.partition import baseline_partition_uri
from ndr.store.publish import table_files
from ndr.store.scan import Scan
from ndr.store.storage import filesystem
from tests.fortnight.bulk import targets
from tests.fortnight.traffic import Traffic

TIMED = ((DELTAS, "deltas"), (PEER_DELTAS, "deltas"), (PAIR_COUNTS, "pair_counts"), (FG_A, "fg_a"))
"""The datasets that answer for times, and the prefix below which each lies."""
KEYS = {
    table.name: tuple(column for column in table.key if column not in ("baseline_horizon", "baseline_end"))
    for table in fg_b_tables(())
}
"""What names a row in a table of a baseline, whose horizon and end are those of the partition."""

Prefix = Callable[[str], str]
Row = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A row that one side has and the other has not, or has with other values.

    Attributes
    ----------
    table, place
        Which table, and the time of its row, or the baseline.
    key
        The row's key.
    columns
        Where both have it, the columns that differ; else `missing` or `added`.
    """

    table: str
    place: str
    key: str
    columns: tuple[str, ...]


def differences(traffic: Traffic, published: Prefix, bulk: Prefix) -> Iterator[Difference]:
    """Yield every row in which what is published below `published` differs from the bulk build.

    Both give the prefix of a dataset by its name.
    """
    for dataset, name in TIMED:
        found, expected = (Scan.of(prefix(name), dataset, traffic.interval).read() for prefix in (published, bulk))
        yield from _rows_that_differ(dataset.name, dataset.key, dataset.time_column, found, expected)
    for target in targets(traffic):
        found_tables, expected_tables = (_baseline(prefix("fg_b"), target) for prefix in (published, bulk))
        for table in FG_B_PARTS:
            yield from _rows_that_differ(
                f"fg_b {target.horizon} {table}",
                KEYS[table],
                "baseline_end",
                found_tables.get(table),
                expected_tables.get(table),
            )


def summary(found: Iterable[Difference]) -> list[str]:
    """Return a line for each table that differs: how many rows, in which columns, and where first."""
    by_table: dict[str, list[Difference]] = {}
    for each in found:
        by_table.setdefault(each.table, []).append(each)
    lines = []
    for table, rows in by_table.items():
        columns = Counter(column for row in rows for column in row.columns).most_common(4)
        places = sorted({row.place for row in rows})
        named = ", ".join(f"{column} ({count})" for column, count in columns)
        lines.append(
            f"{table}: {len(rows)} rows differ, at {len(places)} times from {places[0]} to {places[-1]}: {named}; "
            f"for example {rows[0].key} at {rows[0].place}"
        )
    return lines


def _rows_that_differ(
    table: str, key: tuple[str, ...], time_column: str, found: pa.Table | None, expected: pa.Table | None
) -> Iterator[Difference]:
    mine, theirs = _by_key(found, key, time_column), _by_key(expected, key, time_column)
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) == theirs.get(name):
            continue
        columns: tuple[str, ...] = ("missing",) if name not in mine else ("added",)
        if name in mine and name in theirs:
            columns = tuple(column for column, value in mine[name].items() if value != theirs[name].get(column))
        yield Difference(table, name[0], " ".join(name[1:]), columns)


def _by_key(table: pa.Table | None, key: tuple[str, ...], time_column: str) -> dict[tuple[str, ...], Row]:
    """Rows by their time and key; where a key is there twice, the second counts as another."""
    rows: dict[tuple[str, ...], Row] = {}
    for row in table.to_pylist() if table is not None else ():
        name = (str(row[time_column]), *(str(row[column]) for column in key))
        while name in rows:
            name = (*name, "again")
        rows[name] = {column: repr(value) for column, value in row.items()}  # NaN is NaN
    return rows


def _baseline(prefix: str, target: Target) -> dict[str, pa.Table]:
    uri = baseline_partition_uri(prefix, target.horizon, target.end)
    manifest = read_manifest(uri)
    if manifest is None:
        return {}
    return {table: _table(Partition(uri, manifest), table) for table in FG_B_PARTS}


def _table(partition: Partition, table: str) -> pa.Table:
    tables = []
    for uri in table_files(partition.uri, partition.manifest, table):
        system, path = filesystem(uri)
        tables.append(pq.read_table(path, filesystem=system))
    return pa.concat_tables(tables)
