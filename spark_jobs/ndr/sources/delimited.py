"""Lines of text and their fields, a block at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Split(NamedTuple):
    """The fields of lines one after another, where those of each line begin (int64), and how many it has."""

    values: pa.Array
    begins: np.ndarray
    width: np.ndarray

    def column(self, place: int, unset: str | None = None) -> pa.Array:
        """Return the field at a place of each line (from 0); null where the line is shorter or the field is `unset`."""
        column = self.values.take(pa.array(self.begins + place, mask=self.width <= place))
        if unset is None:
            return column
        return pc.if_else(pc.equal(column, unset), pa.scalar(None, pa.string()), column)


def lines_of(block: bytes) -> pa.Array:
    """Return the lines of a block that are not empty. Bytes that are not UTF-8 are written as escapes."""
    text = block if block.isascii() else block.decode("utf-8", errors="backslashreplace").encode()
    whole = pa.Array.from_buffers(
        pa.large_string(), 1, [None, pa.py_buffer(np.array([0, len(text)], np.int64)), pa.py_buffer(text)]
    )
    lines = pc.split_pattern(whole, "\n").flatten().cast(pa.string())
    if b"\r" in text:
        lines = pc.utf8_rtrim(lines, "\r")
    filled = pc.greater(pc.binary_length(lines), 0)
    # The end of the last line is the only empty one, as a rule.
    return (
        lines.slice(0, len(lines) - 1)
        if pc.sum(filled).as_py() == len(lines) - 1 and text.endswith(b"\n")
        else lines.filter(filled)
    )


def split(lines: pa.Array, separator: str, most: int | None = None) -> Split:
    """Split lines into their fields; where there are more than `most`, the last one has the rest of the line."""
    fields = pc.split_pattern(lines, separator, max_splits=None if most is None else most - 1)
    offsets = fields.offsets.to_numpy().astype(np.int64)
    return Split(fields.values, offsets[:-1], np.diff(offsets))


def columns_of(fields: Split, places: Mapping[str, int], unset: str | None = None) -> dict[str, pa.Array]:
    """Return the columns at some places by name."""
    return {name: fields.column(place, unset) for name, place in places.items()}


def where(mask: np.ndarray | pa.Array, words: pa.Array | str) -> pa.Array:
    """Return the words where a mask is true, and null elsewhere."""
    mask = mask if isinstance(mask, pa.Array) else pa.array(mask)
    return pc.if_else(mask, words, pa.scalar(None, pa.string()))


def joined(*parts: pa.Array | str) -> pa.Array:
    """Write texts of each row one after another; null where one is."""
    return pc.binary_join_element_wise(*parts, "")


def first_of(columns: Iterable[pa.Array]) -> pa.Array:
    """Return, for each row, its first value that is not null, as text where the types differ."""
    every = list(columns)
    given = [column for column in every if column.null_count < len(column)] or every[:1]
    if len({column.type for column in given}) > 1 or (len(given) > 1 and pa.types.is_dictionary(given[0].type)):
        given = [pc.cast(column, pa.string()) for column in given]
    return pc.coalesce(*given)
