"""Arrow columns over arrays as they lie in memory, with one bitmap for all columns that are null together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

INSTANT: Final = pa.timestamp("us", tz="UTC")


def words(places: NDArray[Any], texts: pa.Array) -> pa.DictionaryArray:
    """Return texts by their places."""
    return pa.DictionaryArray.from_arrays(pa.array(places), texts)


def validity(is_null: NDArray[np.bool_]) -> pa.Buffer | None:
    """Return the bitmap of a column; None where nothing is null."""
    if not is_null.any():
        return None
    return pa.py_buffer(np.packbits(~is_null.reshape(-1), bitorder="little"))


def numbers(values: NDArray[Any], bitmap: pa.Buffer | None = None, of: pa.DataType | None = None) -> pa.Array:
    """Return a column of numbers or instants, null where the bitmap says so."""
    flat = values.reshape(-1)
    return pa.Array.from_buffers(of or pa.from_numpy_dtype(flat.dtype), len(flat), [bitmap, pa.py_buffer(flat)])


def numbers_or_null(values: NDArray[np.float64]) -> pa.Array:
    """Return a column of numbers, null where they are NaN."""
    return numbers(values, validity(np.isnan(values)))


def tiled(texts: Sequence[str], times: int, rows: int) -> pa.DictionaryArray:
    """Return all texts, each so many times, over and over until there are so many rows."""
    pattern = np.repeat(np.arange(len(texts), dtype=np.int32), times)
    return words(np.tile(pattern, rows // max(1, len(pattern))), pa.array(list(texts), pa.string()))
