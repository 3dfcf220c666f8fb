"""`read`: the rows of a table in a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.errors import InvalidRequestError
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import Interval
from ndr.read.by_baseline import HORIZON
from ndr.read.instants import Instant, instant_of, optional_instant
from ndr.read.place import Place, found
from ndr.read.rows import Rows
from ndr.read.source import Bounds, Source, check_columns, scanned
from ndr.read.tables import source_of

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class TableRows(Rows):
    """Rows of a published table."""

    name: str
    source: Source
    columns: tuple[str, ...]
    horizon: str | None = None

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([self.source.schema.field(name) for name in self.columns])

    def batches(self) -> Iterator[pa.RecordBatch]:
        keep = None if self.horizon is None else pc.field(HORIZON) == self.horizon
        for table in scanned(self.source, self.columns, keep):
            yield from table.to_batches()

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        from duckdb import ColumnExpression, ConstantExpression

        from ndr.read.query import connect_to

        table = connect_to({self.name: self.source}).table(self.name)
        if self.horizon is not None:
            table = table.filter(ColumnExpression(HORIZON) == ConstantExpression(self.horizon))
        return table.select(*(ColumnExpression(name) for name in self.columns))


def read(
    dataset: str,
    start: Instant,
    end: Instant,
    columns: Sequence[str] | None = None,
    as_of: Instant | None = None,
    *,
    horizon: str | None = None,
    place: Place | str | None = None,
) -> Rows:
    """Read the rows of a table in [start, end): for each instant those of the partition that answers, whole.

    Parameters
    ----------
    dataset : str
        A name of `ndr.contract.table_names.TABLE_NAMES`, or such a name with `_with_baseline`: each row of `fg_a`,
        `fg_c_hosts` or `fg_c_pairs` once for each horizon, with the baseline that was valid then.
    start, end : str, date or datetime
        ISO 8601 with a zone, or dates, which are midnights UTC. Slices by their start, windows by the slice that they
        end with, baselines by the end that names them, snapshots of the inventory by their month. Rows in quarantine
        have no time: all of a partition are read that answers for a part of the time.
    columns : sequence of str, optional
        All by default.
    as_of : str, date or datetime, optional
        Leaves out what was published later. A partition that was published again since then has its last version only,
        so that rows of an earlier version of it are absent.
    horizon : str, optional
        Only baselines of this horizon, in tables that have them.
    place : Place or str, optional
        Where to read: a place, or a stack's name; `Place.find()` by default.

    Returns
    -------
    Rows
        Call `.arrow()`, `.pandas()`, `.duckdb()` or `.batches()`.

    Raises
    ------
    InvalidRequestError
        There is no such table, column or horizon in it, or the time is none.
    """
    bounds = Bounds(Interval(instant_of(start, "start"), instant_of(end, "end")), optional_instant(as_of, "as_of"))
    source = source_of(dataset, found(place), bounds)
    names = tuple(source.schema.names if columns is None else columns)
    check_columns(names, source.schema, dataset)
    if horizon is not None:
        check_columns([HORIZON], source.schema, dataset)
        if horizon not in HORIZONS:
            raise InvalidRequestError(f"horizon is {horizon!r}; allowed are {' and '.join(HORIZONS)}.")
    return TableRows(dataset, source, names, horizon)
