"""Lines of text and their fields, a block at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_NEWLINE: Final = ord("\n")
_ALL: Final = slice(None)


class Fields(Protocol):
    """The fields of lines; `width` is how many each line has (int64)."""

    @property
    def width(self) -> np.ndarray: ...

    def column(self, place: int, unset: str | None = None) -> pa.Array:
        """Return the field at a place of each line (from 0); null where the line is shorter or the field is `unset`."""


class Spans(NamedTuple):
    """Pieces of a text in its order: where each begins and ends (int64)."""

    opens: np.ndarray
    closes: np.ndarray


class TextLines:
    """The lines of a block that are not empty. Bytes that are not UTF-8 are written as escapes."""

    def __init__(self, block: bytes) -> None:
        text = block if block.isascii() else block.decode("utf-8", errors="backslashreplace").encode()
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").removesuffix(b"\r")
        self._text = text if text.endswith(b"\n") or not text else text + b"\n"
        self.letters = np.frombuffer(self._text, np.uint8)
        ends = np.flatnonzero(self.letters == _NEWLINE)
        self.newlines = len(ends)
        starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1)) if len(ends) else ends
        filled = ends > starts
        self.starts, self.ends = starts[filled], ends[filled]

    def __len__(self) -> int:
        return len(self.starts)

    def where(self, mask: np.ndarray | slice = _ALL) -> pa.Array:
        """Return the lines that a mask selects, as text."""
        return self.slices(self.starts[mask], self.ends[mask])

    def texts(self, positions: Iterable[int]) -> list[str]:
        """Return the lines at some positions."""
        return [self._text[self.starts[place] : self.ends[place]].decode() for place in positions]

    def after(self, count: int) -> TextLines:
        """Return these lines without the first ones."""
        self.starts, self.ends = self.starts[count:], self.ends[count:]
        return self

    def have(self, letter: str) -> np.ndarray:
        """Return which lines have a letter."""
        found = np.zeros(len(self), bool)
        if letter.encode() in self._text:
            found[self.of(np.flatnonzero(self.letters == ord(letter)))] = True
        return found

    def of(self, places: np.ndarray) -> np.ndarray:
        """Return the number of the line that holds each place of the text."""
        return np.searchsorted(self.ends, places)

    def slices(self, starts: np.ndarray, ends: np.ndarray, absent: np.ndarray | None = None) -> pa.Array:
        """Return pieces of the text in its order, null where `absent` (then one for each line)."""
        count = len(starts)
        if not count:
            return pa.array([], pa.string())
        if absent is not None and absent.any():
            starts, ends = np.where(absent, self.starts, starts), np.where(absent, self.starts, ends)
        # The pieces and what stands between them are the text cut in places; Arrow copies the pieces out of it.
        cuts = np.empty(2 * count, np.int32)
        cuts[::2], cuts[1::2] = starts, ends
        pieces = pa.StringArray.from_buffers(2 * count - 1, pa.py_buffer(cuts), pa.py_buffer(self._text))
        return pieces.take(pa.array(np.arange(0, 2 * count, 2), mask=absent))

    def split(self, letter: str, quoted: Spans | None = None) -> CutFields:
        """Split the lines by a letter of ASCII, but not where it is within quotes."""
        return CutFields(self, ord(letter), quoted)

    def split_by(self, separator: str) -> Fields:
        """Split the lines by any separator."""
        if len(separator) == 1 and separator.isascii():
            return self.split(separator)
        return PatternFields.of(self.where(), separator)


class CutFields:
    """Fields by the places of the separators, which are found once for all columns."""

    def __init__(self, lines: TextLines, separator: int, quoted: Spans | None = None) -> None:
        self._lines = lines
        letters = lines.letters
        self._cuts = np.flatnonzero((letters == separator) | (letters == _NEWLINE))
        if quoted is not None:
            self._cuts = _outside(self._cuts, quoted)
        last = np.searchsorted(self._cuts, lines.ends)
        if len(last) and (lines.starts[1:] == lines.ends[:-1] + 1).all():  # no line between is empty
            self._first = np.concatenate((np.searchsorted(self._cuts, lines.starts[:1]), last[:-1] + 1))
        else:
            self._first = np.searchsorted(self._cuts, lines.starts)
        self.width = last - self._first + 1

    def place_of(self, positions: np.ndarray, line: np.ndarray) -> np.ndarray:
        """Return the place of the field that holds each position of the text, in its line."""
        return np.searchsorted(self._cuts, positions) - self._first[line]

    def column_start(self, place: int) -> np.ndarray:
        """Return where the field at a place starts in the text; beyond the line where it has no such field."""
        if not place:
            return self._lines.starts
        return self._cuts[np.minimum(self._first + place - 1, len(self._cuts) - 1)] + 1

    def column(self, place: int, unset: str | None = None) -> pa.Array:
        if not len(self._cuts):
            return pa.nulls(len(self.width), pa.string())
        starts, ends = self.column_start(place), self._cuts[np.minimum(self._first + place, len(self._cuts) - 1)]
        absent = self.width <= place
        if unset is not None:
            absent |= self._are(unset.encode(), starts, ends)
        return self._lines.slices(starts, ends, absent)

    def _are(self, word: bytes, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Return which fields are a word."""
        found = ends - starts == len(word)
        for place, letter in enumerate(word):
            found[found] = self._lines.letters[starts[found] + place] == letter
        return found


def _outside(cuts: np.ndarray, spans: Spans) -> np.ndarray:
    """Return the cuts that are in none of the spans."""
    first, last = np.searchsorted(cuts, spans.opens), np.searchsorted(cuts, spans.closes)
    length = last - first
    if not length.any():
        return cuts
    inside = np.arange(length.sum()) + np.repeat(first - np.concatenate(([0], np.cumsum(length)[:-1])), length)
    return np.delete(cuts, inside)


class PatternFields(NamedTuple):
    """Fields one after another, and where those of each line begin (int64)."""

    values: pa.Array
    begins: np.ndarray
    width: np.ndarray

    @classmethod
    def of(cls, lines: pa.Array, separator: str) -> PatternFields:
        """Split lines by any separator."""
        fields = pc.split_pattern(lines, separator)
        offsets = fields.offsets.to_numpy().astype(np.int64)
        return cls(fields.values, offsets[:-1], np.diff(offsets))

    def column(self, place: int, unset: str | None = None) -> pa.Array:
        column = self.values.take(pa.array(self.begins + place, mask=self.width <= place))
        return column if unset is None else where(pc.not_equal(column, unset), column)


def columns_of(fields: Fields, places: Mapping[str, int], unset: str | None = None) -> dict[str, pa.Array]:
    """Return the columns at some places by name."""
    found = {place: fields.column(place, unset) for place in set(places.values())}
    return {name: found[place] for name, place in places.items()}


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
