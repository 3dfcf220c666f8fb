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
from ndr.jobs.fg_b.order_statistics import Floats, Ints
from ndr.jobs.fg_b.placement import Codes, Placement, RowKeys
from ndr.jobs.fg_b.row_source import COVERAGE_COLUMN, TEXT_COLUMNS, TIME_COLUMN, RowSource

_CELLS_AT_ONCE = 1 << 19


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of a piece that lie in the horizon: all of them (`mask` is None) or those that `mask` marks."""

    piece: int
    mask: NDArray[np.bool_] | None


FoundRows = tuple[RowKeys, list[Selection]]
"""The key columns of chosen rows, and which of each piece they are."""


def read_keys(source: RowSource, interval: Interval, pool: Executor) -> FoundRows:
    """Read the key columns of the rows whose window lies in the interval by its end: start < window_end <= end.

    Rows that say that a part of their window is not published (window_coverage below 1) are left out.

    Raises
    ------
    SchemaMismatchError
        A key column is missing, has nulls or another type.
    """

    def read(piece: int) -> tuple[int, NDArray[np.bool_] | None, pa.Table]:
        table = source.read(piece, [*TEXT_COLUMNS, TIME_COLUMN, COVERAGE_COLUMN])
        times = _microseconds(table)
        mask = _ends_within(times, interval) & _is_whole(table)
        whole = bool(mask.all())
        keys = pa.table({name: _dictionary(table, name) for name in TEXT_COLUMNS})
        keys = keys.append_column(TIME_COLUMN, pa.chunked_array([pa.array(times).dictionary_encode()]))
        return piece, None if whole else mask, keys if whole else keys.filter(pa.array(mask))

    selections: list[Selection] = []
    kept: list[pa.Table] = []
    for piece, mask, keys in pool.map(read, range(len(source.piece_rows))):
        if keys.num_rows:
            selections.append(Selection(piece, mask))
            kept.append(keys)
    return _row_keys(kept), selections


def _ends_within(times: Ints, interval: Interval) -> NDArray[np.bool_]:
    start, end = (microseconds(instant) for instant in (interval.start, interval.end))
    return (times > start) & (times <= end)


def _is_whole(table: pa.Table) -> NDArray[np.bool_] | np.bool_:
    """Tell of each row whether its whole window is published; where an earlier release did not say, it is used."""
    if COVERAGE_COLUMN not in table.column_names:
        return np.bool_(True)
    whole: NDArray[np.bool_] = pc.equal(table[COVERAGE_COLUMN], 1.0).fill_null(True).to_numpy()
    return whole


def _row_keys(tables: list[pa.Table]) -> RowKeys:
    if not tables:
        empty = np.zeros(0, np.uint8)
        no_texts: dict[str, list[str]] = {name: [] for name in TEXT_COLUMNS}
        return RowKeys(
            dict.fromkeys(TEXT_COLUMNS, empty), no_texts, empty, np.zeros(0, np.int64), np.zeros(1, np.int64)
        )
    columns = {name: _unified(tables, name) for name in (*TEXT_COLUMNS, TIME_COLUMN)}
    end_codes, ends = columns[TIME_COLUMN][0], columns[TIME_COLUMN][1].to_numpy()
    in_time = np.argsort(ends)
    rank = np.empty(len(ends), end_codes.dtype)
    rank[in_time] = np.arange(len(ends))
    return RowKeys(
        codes={name: columns[name][0] for name in TEXT_COLUMNS},
        texts={name: columns[name][1].to_pylist() for name in TEXT_COLUMNS},
        end_codes=rank[end_codes],
        ends=ends[in_time],
        piece_starts=np.cumsum([0, *(table.num_rows for table in tables)]),
    )


def _unified(tables: list[pa.Table], name: str) -> tuple[Codes, pa.Array]:
    """Return the codes of a dictionary column over all tables, and the one dictionary they index."""
    chunks = [chunk for table in tables for chunk in table.column(name).chunks]
    column = pa.chunked_array(chunks).unify_dictionaries()
    dictionary = column.chunk(0).dictionary
    codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.concatenate(codes, dtype=np.min_scalar_type(len(dictionary)), casting="unsafe"), dictionary


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


def placed_in_source(placements: Iterable[Placement], selections: Sequence[Selection]) -> list[Placement]:
    """Turn numbers among the chosen pieces and rows into those of the source."""

    def place(placement: Placement) -> Placement:
        selection = selections[placement.piece]
        rows = placement.rows if selection.mask is None else np.flatnonzero(selection.mask)[placement.rows]
        return Placement(selection.piece, rows, placement.runs)

    return [place(placement) for placement in placements]


class LaidOutColumns:
    """Metric columns of a source in the laid-out order, readable by several threads.

    Parameters
    ----------
    source : RowSource
    placements : iterable of Placement
        Pieces of the source.
    rows : int
        Laid-out rows.
    """

    def __init__(self, source: RowSource, placements: Iterable[Placement], rows: int) -> None:
        self._source = source
        self._placements = list(placements)
        self._rows = rows
        self._piece_rows = source.piece_rows
        self._spare: list[Floats] = []

    def read(self, metrics: Sequence[str]) -> dict[str, Floats]:
        """Read columns; a missing value becomes infinity, which sorts last.

        Missing are nulls, NaN and infinities, and all values of a piece without the column.

        Raises
        ------
        SchemaMismatchError
            A metric column is not numeric.
        """
        columns = {name: self._spare.pop() if self._spare else np.empty(self._rows) for name in metrics}
        for placement in self._placements:
            width = max(1, _CELLS_AT_ONCE // self._piece_rows[placement.piece])
            for first in range(0, len(metrics), width):
                names = metrics[first : first + width]
                table = self._source.read(placement.piece, names)
                for name in names:
                    present = name in table.column_names
                    placement.write(columns[name], _floats(table, name, placement.rows) if present else np.inf)
        return columns

    def release(self, column: Floats) -> None:
        """Take back a column that is no longer used: the next one needs no new memory, which the kernel would clear."""
        self._spare.append(column)


def _floats(table: pa.Table, name: str, rows: Ints) -> Floats:
    column = table.column(name)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise SchemaMismatchError(f"The metric {name} is {column.type} where a number belongs: correct metrics.")
    # The mode spares a look at the numbers before they are used: half of the time.
    values: Floats = pc.cast(column, pa.float64(), safe=False).to_numpy().take(rows, mode="clip")
    if pa.types.is_integer(column.type) and not column.null_count:
        return values
    # Adding zero turns -0.0 into 0.0: equal values must be equal bits, whichever of them a sort puts first.
    values += 0.0
    present = np.isfinite(values)
    if not present.all():
        values[~present] = np.inf
    return values
