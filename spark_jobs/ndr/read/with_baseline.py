"""Point-in-time joins: rows of a time with the baseline that was valid then, never with a later one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import Dataset
from ndr.contract.time import Interval
from ndr.read.by_baseline import END, HORIZON, TableOfBaselines, is_baseline
from ndr.read.by_time import TableByTime
from ndr.read.machines import HOST, MACHINE, MachineRows
from ndr.read.pruning import in_time, may_pass
from ndr.store.catalog import Partition
from ndr.store.scan import Scan
from ndr.store.schema import ARROW_TYPES
from ndr.store.valid_baselines import PublishedBaselines

_PLACE = "place of the row"
_FOUND = "place in the baseline"


class _Part(NamedTuple):
    """A time for which one baseline of a horizon was valid, or none."""

    time: Interval
    horizon: str
    baseline: Partition | None


@dataclass(frozen=True)
class TableWithBaseline:
    """Each row of a table once for each horizon, with what the baseline that was valid then says of it.

    A baseline is valid for slices that start at or after its end, until the next one of its horizon; a window is judged
    by its last slice. `baseline_end` is null where none was valid. The other columns of the baseline are null, too,
    where it has no row with the same `key`. Those whose names the row has are called `baseline_...`.

    Attributes
    ----------
    rows : TableByTime
    baselines : TableOfBaselines
    key : tuple of str
        The columns, of both, that find the baseline's row.
    machines : MachineRows, optional
        Where hosts are machines: the row of the baseline is that of the machine that had the address then, whose name
        is added as `machine_name`.
    """

    rows: TableByTime
    baselines: TableOfBaselines
    key: tuple[str, ...]
    machines: MachineRows | None = None

    @property
    def dataset(self) -> Dataset:
        return self.rows.dataset

    @property
    def row_key(self) -> tuple[str, ...]:
        return (*self.rows.dataset.key, HORIZON)

    @cached_property
    def schema(self) -> pa.Schema:
        told = [self.baselines.schema.field(name) for name in (HORIZON, END)]
        fields = [self.baselines.schema.field(name).with_name(shown) for shown, name in self._from_baseline.items()]
        machine = [pa.field(MACHINE, pa.string())] if self.machines else []
        return pa.schema([*self.rows.schema, *told, *fields, *machine])

    @cached_property
    def _from_baseline(self) -> dict[str, str]:
        """The columns that the baseline adds, by the names that they have in the joined table."""
        known = (*self.key, HORIZON, END, *((MACHINE,) if self.machines else ()))
        return {
            f"baseline_{name}" if name in self.rows.schema.names else name: name
            for name in self.baselines.schema.names
            if name not in known
        }

    def tables(self, columns: Sequence[str], keep: pc.Expression | None) -> Iterator[pa.Table]:
        needed = (*self.key, self.rows.dataset.time_column) if self.machines else self.key
        of_rows = [name for name in self.rows.schema.names if name in columns or name in needed]
        for stretch in self.rows.stretches(keep, self.schema):
            scan = self.rows.scan(stretch, of_rows)
            for part in may_pass(self._parts(stretch), self._known, keep, self.schema):
                yield from self._joined(part, scan.within(part.time), columns, keep)

    def _parts(self, stretch: Interval) -> list[_Part]:
        valid = PublishedBaselines.of(self.baselines.prefix, stretch, self.baselines.bounds.as_of)
        return [
            _Part(time, horizon, baselines.get(horizon))
            for time, baselines in valid.runs(stretch)
            for horizon in valid.by_horizon
        ]

    def _known(self, part: _Part) -> pc.Expression:
        time = in_time(self.rows.dataset, part.time)
        if part.baseline is None:
            return time & (pc.field(HORIZON) == part.horizon)
        return time & is_baseline(part.horizon, part.baseline.manifest.end)

    def _joined(
        self, part: _Part, scan: Scan, columns: Sequence[str], keep: pc.Expression | None
    ) -> Iterator[pa.Table]:
        added = {shown: name for shown, name in self._from_baseline.items() if shown in columns}
        known: pa.Table | None = None
        hosts: pa.Table | None = None
        key = self.key
        if self.machines:
            key = (HOST, *(name for name in self.key if name != self.machines.address))
        for rows in self.rows.rows_of(scan, keep, self.schema):
            if known is None:
                known = self._baseline(part.baseline, list(added.values()))
            if self.machines:
                hosts = self.machines.known(part.time) if hosts is None else hosts
                rows = self.machines.with_hosts(rows, hosts)  # noqa: PLW2901
            found = known.select(list(added.values())).take(_places(rows, known, key))
            table = pa.table(
                {**_columns(rows), **dict(zip(added, found.columns, strict=True)), **_told(part, len(rows))}
            )
            yield table.select(list(columns)).cast(pa.schema([self.schema.field(name) for name in columns]))

    def _baseline(self, baseline: Partition | None, columns: list[str]) -> pa.Table:
        names = [*self.key, *columns]
        empty = pa.schema([self.baselines.schema.field(name) for name in names]).empty_table()
        if baseline is None or not columns:
            return empty
        rows = pa.concat_tables([empty, *self.baselines.rows_of([baseline], names)])
        return (self.machines.of_baseline(baseline, rows) if self.machines else rows).combine_chunks()


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _told(part: _Part, rows: int) -> dict[str, pa.Array]:
    end = part.baseline.manifest.end if part.baseline else None
    return {
        HORIZON: pa.repeat(pa.scalar(part.horizon, pa.string()), rows),
        END: pa.repeat(pa.scalar(end, ARROW_TYPES["timestamp"]), rows),
    }


def _places(rows: pa.Table, known: pa.Table, key: Sequence[str]) -> pa.Array:
    """Return, for each row, the place of its key in a table of distinct keys; null where it has none."""
    if not len(known):
        return pa.nulls(len(rows), pa.int64())
    left = rows.select(list(key)).append_column(_PLACE, pa.array(np.arange(len(rows))))
    right = known.select(list(key)).append_column(_FOUND, pa.array(np.arange(len(known))))
    joined = left.join(right, list(key), join_type="left outer").sort_by(_PLACE)
    return joined[_FOUND].combine_chunks()
