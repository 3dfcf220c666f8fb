"""The result of a parser, and the forms of a column that parsers work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.store.schema import CODED

NONE_FAILED: Final = np.empty(0, np.int64)


class Converted(NamedTuple):
    """Values in the target type, null where the input is null or does not convert, and the row positions (int64) whose
    value does not convert."""

    values: pa.Array
    failed: np.ndarray


def newly_null(column: pa.Array, values: pa.Array) -> np.ndarray:
    """Return the positions that are null in `values` and not in `column`."""
    if values.null_count == column.null_count:
        return NONE_FAILED
    failed = pc.and_(pc.is_null(values), pc.is_valid(column))
    return np.flatnonzero(failed.to_numpy(zero_copy_only=False))


def coded(column: pa.Array) -> pa.DictionaryArray:
    """Return a column as codes of its distinct texts."""
    if pa.types.is_dictionary(column.type):
        return column if column.type == CODED else pc.cast(column, CODED)
    if pa.types.is_integer(column.type):
        numbers = column.dictionary_encode()
        return pa.DictionaryArray.from_arrays(numbers.indices, pc.cast(numbers.dictionary, pa.string()))
    return pc.cast(column, pa.string()).dictionary_encode()


def worded(codes: np.ndarray, words: Sequence[str | None]) -> pa.DictionaryArray:
    """Return the words that codes (int, from 0) stand for, as codes of distinct words; null where the word is None."""
    distinct = list(dict.fromkeys(word for word in words if word is not None))
    place = pa.array([None if word is None else distinct.index(word) for word in words], pa.int32())
    return pa.DictionaryArray.from_arrays(place.take(pa.array(codes)), pa.array(distinct, pa.string()))


def repeated(word: str, count: int) -> pa.DictionaryArray:
    """Return a word so many times."""
    return worded(np.zeros(count, np.int32), [word])


def each_word(column: pa.Array, spelling: Callable[[pa.Array], pa.Array]) -> pa.DictionaryArray:
    """Return a column with each of its words (text) spelled otherwise; equal words may have several codes."""
    encoded = coded(column)
    return pa.DictionaryArray.from_arrays(encoded.indices, spelling(encoded.dictionary))


def are(column: pa.Array, *words: str) -> np.ndarray:
    """Return which rows of a column, in any type, are one of some words (bool); null is none."""
    encoded = coded(column)
    found = [word in words for word in encoded.dictionary.to_pylist()]
    if not any(found):
        return np.zeros(len(column), bool)
    return np.array([*found, False])[pc.fill_null(encoded.indices, len(found)).to_numpy()]


def plain(column: pa.Array) -> pa.Array:
    """Return a column without codes."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def is_text(column: pa.Array) -> bool:
    """Tell whether a column is text, plain or as codes."""
    of = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(of) or pa.types.is_large_string(of))


def to_words(column: pa.Array, spelling: Callable[[str], str | None]) -> Converted:
    """Convert to codes of the one spelling of each word; `spelling` runs once a distinct word."""
    encoded = coded(column)
    words = encoded.dictionary.to_pylist()
    spelled = [None if word is None else spelling(word) for word in words]
    if spelled == words:
        return Converted(encoded, NONE_FAILED)
    values = pc.take(pa.array(spelled, pa.string()), encoded.indices).dictionary_encode()
    return Converted(values, newly_null(column, values))
