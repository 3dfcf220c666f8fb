"""Whole numbers for the ids that a source gives its rows."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.integration.columns import ROW_ID

_WORD: Final = 8
_LONGEST: Final = 8 * _WORD
_NO_ID: Final = pa.array(["", "0", "-"])
# Odd constants with bits spread evenly, so that a multiplication carries each bit into many.
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(29)


def row_id_column(*parts: pa.Array) -> dict[str, pa.Array]:
    """Return the ids that parts make up under the name of their column; nothing where no row has one."""
    ids = row_ids(*parts)
    return {ROW_ID: ids} if ids.null_count < len(ids) else {}


def row_ids(*parts: pa.Array) -> pa.Array:
    """Return a number (int64) for the id that the parts make up in each row.

    Parameters
    ----------
    parts : pa.Array
        Text or numbers, such as a firewall's serial number and the sequence number of a row of its log.

    Returns
    -------
    pa.Array
        Equal ids have equal numbers, and others unequal ones, but for one pair of 2**64. Null where a part is null, 0,
        empty, or longer than 64 bytes: then the row has no id.
    """
    number = np.zeros(len(parts[0]), np.uint64)
    absent = np.zeros(len(number), bool)
    for part in parts:
        text = pc.cast(part, pa.string())
        absent |= np.asarray(pc.or_(pc.is_null(text), pc.is_in(text, value_set=_NO_ID)))
        absent |= np.asarray(pc.fill_null(pc.greater(pc.binary_length(text), _LONGEST), False))
        if absent.all():
            break
        number = _mixed(number, text)
    return pa.array(number.view(np.int64), mask=absent)


def _mixed(number: np.ndarray, text: pa.Array) -> np.ndarray:
    """Mix the first bytes of texts, and their lengths, into numbers."""
    _, offsets, data = text.buffers()
    bounds = np.frombuffer(offsets, np.int32)[text.offset : text.offset + len(text) + 1].astype(np.int64)
    letters = np.concatenate((np.frombuffer(data or b"", np.uint8), np.zeros(_WORD, np.uint8)))
    words = np.ndarray(len(letters) - _WORD + 1, "<u8", letters, strides=(1,))
    length = np.diff(bounds)
    for begin in range(0, min(int(length.max(initial=0)), _LONGEST), _WORD):
        rest = np.clip(length - begin, 0, _WORD)
        word = words[np.minimum(bounds[:-1] + begin, len(words) - 1)]
        mask = np.where(
            rest == _WORD, ~np.uint64(0), (np.uint64(1) << (8 * rest % 64).astype(np.uint64)) - np.uint64(1)
        )
        number = np.where(rest > 0, _spread(number ^ (word & mask)), number)
    return _spread(number ^ length.astype(np.uint64))


def _spread(number: np.ndarray) -> np.ndarray:
    number = number * _FACTOR
    return (number ^ (number >> _SHIFT)) * _FACTOR
