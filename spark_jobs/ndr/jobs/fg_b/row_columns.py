"""From Arrow rows to arrays: key columns as codes, metric columns as float64 laid out by group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import Interval, microseconds
from ndr.jobs.fg_b.layout import RowKeys
from ndr.jobs.fg_b.order_statistics import Floats, Ints
from ndr.jobs.fg_b.row_source import TEXT_COLUMNS, TIME_COLUMN, RowSource

_CELLS_AT_ONCE = 1 << 19


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of a piece that lie in the horizon: all of them (`mask` is None) or those that `mask` marks.

    `start` is the number of the first of them among the rows of all pieces.
    """

    piece: int
    start: int
    rows: int
    mask: NDArray[np.bool_] | None


def read_keys(source: RowSource, interval: Interval, pool: Executor) -> tuple[RowKeys, list[Selection]]:
    """Read the key columns of the rows whose window lies in the interval by its end: start < window_end <= end.

    Raises
    ------
    SchemaMismatchError
        A key column is missing, has nulls or another type.
    """

    def read(piece: int) -> tuple[int, NDArray[np.bool_] | None, pa.Table]:
        table = source.read(piece, [*TEXT_COLUMNS, TIME_COLUMN])
        times = _microseconds(table)
        mask = _ends_within(times, interval)
        whole = bool(mask.all())
        keys = pa.table({name: _dictionary(table, name) for name in TEXT_COLUMNS})
        keys = keys.append_column(TIME_COLUMN, pa.chunked_array([pa.array(times).dictionary_encode()]))
        return piece, None if whole else mask, keys if whole else keys.filter(pa.array(mask))

    selections: list[Selection] = []
    kept: list[pa.Table] = []
    start = 0
    for piece, mask, keys in pool.map(read, range(len(source.piece_rows))):
        if keys.num_rows:
            selections.append(Selection(piece, start, keys.num_rows, mask))
            kept.append(keys)
            start += keys.num_rows
    return _row_keys(kept), selections


def _ends_within(times: Ints, interval: Interval) -> NDArray[np.bool_]:
    start, end = (microseconds(instant) for instant in (interval.start, interval.end))
    return (times > start) & (times <= end)


def _row_keys(tables: list[pa.Table]) -> RowKeys:
    if not tables:
        empty = np.zeros(0, np.int32)
        return RowKeys(
            dict.fromkeys(TEXT_COLUMNS, empty), {name: [] for name in TEXT_COLUMNS}, empty, np.zeros(0, np.int64)
        )
    columns = {name: _unified(tables, name) for name in (*TEXT_COLUMNS, TIME_COLUMN)}
    end_codes, ends = columns[TIME_COLUMN][0], columns[TIME_COLUMN][1].to_numpy()
    in_time = np.argsort(ends)
    rank = np.empty(len(ends), np.int32)
    rank[in_time] = np.arange(len(ends))
    return RowKeys(
        codes={name: columns[name][0] for name in TEXT_COLUMNS},
        texts={name: columns[name][1].to_pylist() for name in TEXT_COLUMNS},
        end_codes=rank[end_codes],
        ends=ends[in_time],
    )


def _unified(tables: list[pa.Table], name: str) -> tuple[NDArray[np.int32], pa.Array]:
    """Return the codes of a dictionary column over all tables, and the one dictionary they index."""
    chunks = [chunk for table in tables for chunk in table.column(name).chunks]
    column = pa.chunked_array(chunks).unify_dictionaries()
    codes = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in column.chunks])
    return codes.astype(np.int32, copy=False), column.chunk(0).dictionary


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise SchemaMismatchError(f"FG-A rows without the column {name}: rebuild the partition with this version.")
    column = table.column(name)
    if column.null_count:
        raise SchemaMismatchError(f"{column.null_count} FG-A rows have no {name}: rebuild the partition.")
    return column


def _dictionary(table: pa.Table, name: str) -> pa.ChunkedArray:
    """Return a text column as int32 codes into a dictionary of plain strings."""
    wanted = pa.dictionary(pa.int32(), pa.string())
    column = _column(table, name)
    if column.type == wanted:
        return column
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    return plain.cast(pa.string()).dictionary_encode()


def _microseconds(table: pa.Table) -> Ints:
    column = _column(table, TIME_COLUMN)
    if not pa.types.is_timestamp(column.type):
        raise SchemaMismatchError(f"{TIME_COLUMN} is {column.type} where a UTC timestamp belongs.")
    whole: Ints = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()).to_numpy()
    return whole


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the chosen rows of a piece go: row `rows[i]` to `places[i]`, places ascending.

    Reading a piece in the order of its places makes the writes to the (large) column run forwards in memory; the jumps
    are left to the reads, in a piece small enough for the cache.
    """

    piece: int
    rows: Ints
    places: Ints


def placements(selections: Iterable[Selection], places: Ints, pool: Executor) -> list[Placement]:
    """Say for each piece where its chosen rows go; `places` is over the chosen rows of all pieces."""

    def place(selection: Selection) -> Placement:
        at = places[selection.start : selection.start + selection.rows]
        order = np.argsort(at)
        rows = order if selection.mask is None else np.flatnonzero(selection.mask)[order]
        return Placement(selection.piece, rows, at[order])

    return list(pool.map(place, selections))


def laid_out_columns(
    source: RowSource, chosen: Iterable[Placement], rows: int, metrics: Sequence[str]
) -> dict[str, Floats]:
    """Read metric columns into the laid-out order; a null, or a column that a piece lacks, becomes NaN.

    Raises
    ------
    SchemaMismatchError
        A metric column is not numeric.
    """
    columns = {name: np.empty(rows) for name in metrics}
    for placement in chosen:
        width = max(1, _CELLS_AT_ONCE // source.piece_rows[placement.piece])
        for first in range(0, len(metrics), width):
            names = metrics[first : first + width]
            table = source.read(placement.piece, names)
            for name in names:
                present = name in table.column_names
                columns[name][placement.places] = _floats(table, name)[placement.rows] if present else np.nan
    return columns


def _floats(table: pa.Table, name: str) -> Floats:
    column = table.column(name)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise SchemaMismatchError(f"The metric {name} is {column.type} where a number belongs: correct metrics.")
    values: Floats = pc.cast(column, pa.float64(), safe=False).to_numpy()
    # Adding zero turns -0.0 into 0.0: equal values must be equal bits, whichever of them a sort puts first.
    return values + 0.0
