"""Lines of CSV with quoted fields.

A quote within quotes is written twice or behind a backslash. A quote that is never closed quotes nothing. What is read
of a field has no quotes, and a semicolon for each comma that was quoted.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.delimited import CutFields, Spans, TextLines

_QUOTE: Final = ord('"')
_BACKSLASH: Final = ord("\\")


class Quotes:
    """The quotes of some lines."""

    def __init__(self, lines: TextLines) -> None:
        letters = lines.letters
        self._places = np.flatnonzero(letters == _QUOTE)
        self._line = lines.of(self._places)
        is_quote = letters[np.maximum(self._places - 1, 0)] != _BACKSLASH
        places, line = self._places[is_quote], self._line[is_quote]
        count = np.bincount(line, minlength=len(lines))
        closed = places[count[line] % 2 == 0]
        self.spans = Spans(closed[::2], closed[1::2])
        """What is within quotes that are closed."""

    def without(self, columns: dict[str, pa.Array], fields: CutFields, places: dict[str, int]) -> dict[str, pa.Array]:
        """Return columns without quotes; most have none."""
        quoted = set(np.unique(fields.place_of(self._places, self._line)).tolist())
        return {name: without_quotes(column) if places[name] in quoted else column for name, column in columns.items()}


def without_quotes(fields: pa.Array) -> pa.Array:
    """Return fields as they are read."""
    bare = pc.replace_substring(pc.replace_substring(fields, '\\"', "''"), '"', "")
    return pc.replace_substring(bare, ",", ";")
