"""Arrow columns as integers: what the sliding kernels count."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import SLICE_MICROSECONDS
from ndr.contract.wording import counted

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PORTS: Final = 1 << 16


def _without_null(table: pa.Table, name: str) -> pa.ChunkedArray:
    column = table.column(name)
    if column.null_count:
        raise SchemaMismatchError(
            f"Column {name} holds {counted(column.null_count, 'null')} where none is allowed: rebuild the partition it "
            "is from."
        )
    return column


def integers(table: pa.Table, name: str) -> Integers:
    """Return a column of whole numbers or of instants (microseconds since the epoch).

    Raises
    ------
    SchemaMismatchError
        The column holds a null.
    """
    column = _without_null(table, name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz=column.type.tz))
    return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)


def flags(table: pa.Table, name: str) -> Flags:
    """Return a column of booleans.

    Raises
    ------
    SchemaMismatchError
        The column holds a null.
    """
    return np.asarray(_without_null(table, name).to_numpy(), dtype=bool)


def slice_numbers(table: pa.Table, name: str = "slice_start") -> Integers:
    """Return each instant as a count of 15-minute slices since the epoch."""
    return integers(table, name) // SLICE_MICROSECONDS


def ports(table: pa.Table, name: str) -> Integers:
    """Return a column of ports.

    Raises
    ------
    SchemaMismatchError
        A port outside 0 to 65535.
    """
    numbers = integers(table, name)
    if numbers.size and (numbers.min() < 0 or numbers.max() >= PORTS):
        wrong = numbers[(numbers < 0) | (numbers >= PORTS)][0]
        raise SchemaMismatchError(
            f"Column {name} holds {wrong}; a port is 0 to 65535: rebuild the partition it is from."
        )
    return numbers


def encoded(table: pa.Table, name: str) -> tuple[Integers, pa.Array]:
    """Return a text column as codes and the text that each code stands for.

    A column that comes dictionary-encoded from its reader is not read again.

    Raises
    ------
    SchemaMismatchError
        The column holds a null.
    """
    column = _without_null(table, name)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    one = column.combine_chunks()
    one = one if pa.types.is_dictionary(one.type) else one.dictionary_encode()
    return one.indices.to_numpy().astype(np.int64), one.dictionary.cast(pa.string())


def positions(values: pa.Array, among: pa.Array) -> Integers:
    """Return where each value stands in `among`; -1 where it does not."""
    return pc.index_in(values, value_set=among).fill_null(-1).to_numpy().astype(np.int64)


def recoded(table: pa.Table, name: str, among: pa.Array) -> Integers:
    """Return where each row's text stands in `among`; -1 where it does not."""
    codes, values = encoded(table, name)
    return positions(values, among)[codes]


def numbered(keys: Integers) -> tuple[Integers, pa.Array]:
    """Return each key's number, counted in order of first appearance, and the distinct keys in that order."""
    dictionary = pa.array(keys).dictionary_encode()
    return dictionary.indices.to_numpy().astype(np.int64), dictionary.dictionary
