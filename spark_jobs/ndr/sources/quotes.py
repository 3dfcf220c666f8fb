"""Lines of CSV with quoted fields.

A quote within quotes is written twice or behind a backslash. A quote that is never closed quotes nothing. What is read
of a field has no quotes, and a semicolon for each comma that was quoted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.delimited import TextLines

_QUOTE: Final = b'"'
_BACKSLASH: Final = ord("\\")
_NEWLINE: Final = ord("\n")
_COMMA: Final = ord(",")
_SEMICOLON: Final = ord(";")


def without_quoted_commas(lines: TextLines) -> TextLines:
    """Return lines with a semicolon for each comma that is quoted; all else stands where it stood."""
    if _QUOTE not in lines.text:
        return lines
    letters = lines.letters
    places = np.flatnonzero(letters == ord(_QUOTE))
    places = places[letters[np.maximum(places - 1, 0)] != _BACKSLASH].astype(np.int32)
    quoted = _within(places[::2][: len(places) // 2], places[1::2])
    if len(places) % 2 or (letters[quoted] == _NEWLINE).any():  # some line has a quote that is never closed
        line = lines.of(places)
        count = np.bincount(line, minlength=len(lines))
        places = places[count[line] % 2 == 0]
        quoted = _within(places[::2], places[1::2])
    changed = bytearray(lines.text)
    np.frombuffer(changed, np.uint8)[quoted[letters[quoted] == _COMMA]] = _SEMICOLON
    return TextLines.of_text(changed)


def _within(begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the places from each begin to its end, exclusive (int32)."""
    length = ends - begins
    before = np.cumsum(length, dtype=np.int32) - length
    return np.arange(length.sum(), dtype=np.int32) + np.repeat(begins - before, length)


def without_quotes(columns: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Return columns (text) as they are read; most have no quotes."""
    return {name: _without_quotes(column) if _has_quote(column) else column for name, column in columns.items()}


def _has_quote(column: pa.Array) -> bool:
    letters = column.buffers()[2]
    return letters is not None and _QUOTE in letters.to_pybytes()


def _without_quotes(fields: pa.Array) -> pa.Array:
    return pc.replace_substring(pc.replace_substring(fields, '\\"', "''"), '"', "")
