"""Lines of text and their fields, a block at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.even_lines import even_columns

_NEWLINE: Final = ord("\n")
_ALL: Final = slice(None)


class Fields(Protocol):
    """The fields of lines; `width` is how many each line has (int64)."""

    @property
    def width(self) -> np.ndarray: ...

    def column(self, place: int, unset: str | None = None) -> pa.Array:
        """Return the field at a place of each line (from 0); null where the line is shorter or the field is `unset`."""


class TextLines:
    """The lines of a block that are not empty. Bytes that are not UTF-8 are written as escapes."""

    def __init__(self, block: bytes) -> None:
        text = block if block.isascii() else block.decode("utf-8", errors="backslashreplace").encode()
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").removesuffix(b"\r")
        self._take(text if text.endswith(b"\n") or not text else text + b"\n")

    def _take(self, text: bytes | bytearray) -> None:
        self.text = text
        self._splits: dict[str, CutFields] = {}

    @classmethod
    def of_text(cls, text: bytes | bytearray) -> TextLines:
        """Return the lines of UTF-8 text in which each line ends with a newline."""
        lines = cls.__new__(cls)
        lines._take(text)
        return lines

    @cached_property
    def letters(self) -> np.ndarray:
        """The bytes of the text (uint8)."""
        return np.frombuffer(self.text, np.uint8)

    @cached_property
    def newlines(self) -> np.ndarray:
        """Where the newlines are (int64)."""
        return np.flatnonzero(self.letters == _NEWLINE)

    @cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        ends = self.newlines
        starts = np.concatenate((np.zeros(1, np.int64), ends[:-1] + 1)) if len(ends) else ends
        filled = ends > starts
        return (starts, ends) if filled.all() else (starts[filled], ends[filled])

    @property
    def starts(self) -> np.ndarray:
        """Where each line begins (int64)."""
        return self._bounds[0]

    @property
    def ends(self) -> np.ndarray:
        """Where each line ends, exclusive (int64)."""
        return self._bounds[1]

    def __len__(self) -> int:
        return len(self.starts)

    def where(self, mask: np.ndarray | slice = _ALL) -> pa.Array:
        """Return the lines that a mask selects, as text."""
        return self.slices(self.starts[mask], self.ends[mask])

    def texts(self, positions: Iterable[int]) -> list[str]:
        """Return the lines at some positions."""
        return [self.text[self.starts[place] : self.ends[place]].decode() for place in positions]

    def after_first(self) -> TextLines:
        """Return these lines without the first one."""
        return TextLines.of_text(self.text.lstrip(b"\n").partition(b"\n")[2])

    def have(self, letter: str) -> np.ndarray:
        """Return which lines have a letter."""
        found = np.zeros(len(self), bool)
        if letter.encode() in self.text:
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
        pieces = pa.StringArray.from_buffers(2 * count - 1, pa.py_buffer(cuts), pa.py_buffer(self.text))
        return pieces.take(pa.array(np.arange(0, 2 * count, 2), mask=absent))

    def split(self, letter: str) -> CutFields:
        """Split the lines by a letter of ASCII."""
        if letter not in self._splits:
            self._splits[letter] = CutFields(self, ord(letter))
        return self._splits[letter]

    def split_by(self, separator: str) -> Fields:
        """Split the lines by any separator."""
        if _is_letter(separator):
            return self.split(separator)
        return PatternFields.of(self.where(), separator)

    def columns(self, separator: str, places: Mapping[str, int], unset: str | None = None) -> Split:
        """Split the lines by any separator, and return the columns at some places by name: at once where all have as
        many fields. A field that is `unset` is null."""
        even = even_columns(self.text, separator, places.values(), unset) if _is_letter(separator) else None
        if even is None:
            fields = self.split_by(separator)
            return Split(fields.width, columns_of(fields, places, unset))
        count, width, found = even
        absent = pa.nulls(count, pa.string())
        return Split(np.full(count, width), {name: found.get(place, absent) for name, place in places.items()})


class Split(NamedTuple):
    """How many fields each line has (int64), and some of its columns by name, as text."""

    width: np.ndarray
    columns: dict[str, pa.Array]


class CutFields:
    """Fields by the places of the separators, which are found once for all columns."""

    def __init__(self, lines: TextLines, separator: int) -> None:
        self._lines = lines
        letters = lines.letters
        self._cuts = np.flatnonzero((letters == separator) | (letters == _NEWLINE))
        last = np.searchsorted(self._cuts, lines.ends)
        if len(last) and (lines.starts[1:] == lines.ends[:-1] + 1).all():  # no line between is empty
            self._first = np.concatenate((np.searchsorted(self._cuts, lines.starts[:1]), last[:-1] + 1))
        else:
            self._first = np.searchsorted(self._cuts, lines.starts)
        self.width = last - self._first + 1

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


def _is_letter(separator: str) -> bool:
    return len(separator) == 1 and separator.isascii()


def columns_of(fields: Fields, places: Mapping[str, int], unset: str | None = None) -> dict[str, pa.Array]:
    """Return the columns at some places by name."""
    found = {place: fields.column(place, unset) for place in set(places.values())}
    return {name: found[place] for name, place in places.items()}


def uneven(width: np.ndarray, words: str, wanted: int) -> pa.Array:
    """Return why lines are not of a format: null where they have as many fields as it has."""
    differs = width != wanted
    if not differs.any():
        return pa.nulls(len(width), pa.string())
    return where(differs, joined("bad_line: ", pc.cast(pa.array(width), pa.string()), f" {words} {wanted}"))


def where(mask: np.ndarray | pa.Array, words: pa.Array | str) -> pa.Array:
    """Return the words where a mask is true, and null elsewhere."""
    if isinstance(mask, np.ndarray):
        if not mask.any():
            return pa.nulls(len(mask), pa.string())
        mask = pa.array(mask)
    return pc.if_else(mask, words, pa.scalar(None, pa.string()))


def joined(*parts: pa.Array | str) -> pa.Array:
    """Write texts of each row one after another; null where one is."""
    return pc.binary_join_element_wise(*parts, "")


def prefixed(words: str, column: pa.Array) -> pa.Array:
    """Write words before each text; null where it is."""
    return column if column.null_count == len(column) else joined(words, column)


def first_of(columns: Iterable[pa.Array]) -> pa.Array:
    """Return, for each row, its first value that is not null, as text where the types differ."""
    every = list(columns)
    given = [column for column in every if column.null_count < len(column)] or every[:1]
    if len({column.type for column in given}) > 1 or (len(given) > 1 and pa.types.is_dictionary(given[0].type)):
        given = [pc.cast(column, pa.string()) for column in given]
    return pc.coalesce(*given) if given[0].null_count else given[0]
