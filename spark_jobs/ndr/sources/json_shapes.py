"""JSON lines of a few shapes: a log writes the same keys in the same order again and again.

A line that differs from a valid one in its values only is valid if these are. So the lines of a block are compared with
one that was parsed, all at once, and the values of the fields that are read are cut out. What has another shape, a
backslash or a control character is left for a parser.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.delimited import TextLines, where
from ndr.sources.json_shape import COMMA, QUOTE, Shape, shape_of
from ndr.sources.source import Field
from ndr.sources.windows import LONGEST_TEXT, Windows

MOST_SHAPES: Final = 8
NUMBERS: Final = ("int64", "float64")
"""Types of fields that are numbers."""

_FEWEST_LINES: Final = 32
_SPACE: Final = ord(" ")
_NUMBER: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_NULL: Final = "null"
_NULLS: Final = pa.array([_NULL])
_WORDS: Final = pa.array([_NULL, "true", "false"])


class Alike(NamedTuple):
    """Lines of one shape (their numbers, ascending), the columns of the fields that it has, and which of these are
    written without quotes. Columns are text, and int64 where a field that is a number has whole numbers only."""

    lines: np.ndarray
    columns: dict[str, pa.Array]
    bare: frozenset[str]


class Shapes(NamedTuple):
    """The lines of a block by their shapes, and those of none (a mask)."""

    lines: TextLines
    found: list[Alike]
    rest: np.ndarray


def by_shape(block: bytes, fields: Mapping[str, Field]) -> Shapes | None:
    """Part the lines of a block by their shapes; None where a line is blank or not UTF-8."""
    try:
        if not block.isascii():
            block.decode()
    except UnicodeDecodeError:
        return None
    text = TextLines(block)
    return _of_one_shape(text, fields) or _of_shapes(text, fields)


def _of_one_shape(text: TextLines, fields: Mapping[str, Field]) -> Shapes | None:
    """Find lines that are all of one shape by their commas, of which there are a few for each quote; None where some
    line is of another shape, or there may be a quote, a backslash or a control character in a value."""
    first = text.text[: text.text.find(b"\n")]
    count, commas = len(text), np.flatnonzero(text.letters == ord(COMMA))
    if count < _FEWEST_LINES or not len(commas) or len(commas) != count * first.count(COMMA) or b"\\" in text.text:
        return None
    if np.count_nonzero(text.letters == ord(QUOTE)) != count * first.count(QUOTE):
        return None
    lines = _Lines(text, commas)
    shape = shape_of(bytes(first), COMMA) if lines.plain.all() else None
    places = shape and _slots_of(shape, fields)
    if not shape or places is None:
        return None
    alike = lines.alike(shape, places, fields, np.flatnonzero(lines.marks == lines.marks[0]))
    # Each line has the quotes of the first one, and all of them together have no more.
    return Shapes(text, [alike], np.zeros(count, bool)) if len(alike.lines) == count else None


def _of_shapes(text: TextLines, fields: Mapping[str, Field]) -> Shapes | None:
    """Find lines of several shapes by their quotes; None where a line is blank."""
    lines = _Lines(text, np.flatnonzero(text.letters == ord(QUOTE)))
    if any(not line.strip() for line in text.texts(np.flatnonzero(lines.marks == 0))):
        return None
    found, left = [], lines.plain.copy()
    for _ in range(MOST_SHAPES):
        if np.count_nonzero(left) < _FEWEST_LINES:
            break
        first = int(np.argmax(left))
        left[first] = False
        shape = shape_of(text.texts([first])[0].encode())
        places = shape and _slots_of(shape, fields)
        if shape and places is not None:
            same = left & (lines.marks == lines.marks[first])
            same[first] = True
            alike = lines.alike(shape, places, fields, np.flatnonzero(same))
            left[alike.lines] = False
            found.append(alike)
    rest = np.ones(len(text), bool)
    for alike in found:
        rest[alike.lines] = False
    return Shapes(text, found, rest)


def _slots_of(shape: Shape, fields: Mapping[str, Field]) -> dict[str, int] | None:
    """Return the number of the slot of each field that a shape has; None where a field is not one value."""
    if max(len(piece.text) for piece in shape.pieces) > LONGEST_TEXT:
        return None
    numbers = {slot.keys: number for number, slot in enumerate(shape.slots) if slot.keys}
    found: dict[str, int] = {}
    for name, field in fields.items():
        places = {place for path in field.paths for place in ((path,), tuple(path.split(".")))}
        of_field = [numbers[place] for place in places if place in numbers]
        if len(of_field) > 1 or not places.isdisjoint(shape.containers):
            return None
        if of_field:
            found[name] = of_field[0]
    return found


class _Lines:
    """Lines, and where their marks are, by which pieces are found."""

    def __init__(self, text: TextLines, marks: np.ndarray) -> None:
        self.text, self._marks = text, marks
        letters = text.letters
        self.windows = Windows(letters)
        self._first = np.searchsorted(marks, text.starts)
        self.marks = np.searchsorted(marks, text.ends) - self._first
        self.plain = (self.marks > 0) & ~text.have("\\")
        is_control = letters < _SPACE
        if np.count_nonzero(is_control) > len(self.text.newlines):
            self.plain[self.text.of(np.flatnonzero(is_control & (letters != ord("\n"))))] = False

    def alike(self, shape: Shape, places: Mapping[str, int], fields: Mapping[str, Field], lines: np.ndarray) -> Alike:
        """Return which lines have a shape, and their columns."""
        begins, found = self._begins(shape, lines), np.ones(len(lines), bool)
        ends = begins[0]
        for begin, piece in zip(begins, shape.pieces, strict=True):
            found &= (begin >= ends) & self.windows.match(begin, piece.text)
            ends = begin + len(piece.text)
        found &= ends == self.text.ends[lines]
        if not found.all():
            begins, lines = [begin[found] for begin in begins], lines[found]
        slots = [_Slot(self, begins[number] + len(shape.pieces[number].text), begins[number + 1], slot.is_quoted)
                 for number, slot in enumerate(shape.slots)]  # fmt: skip
        flags = {places[name] for name, field in fields.items() if field.type == "bool" and name in places}
        read = set(places.values()) - flags
        valid = [slot.are_values(number in read) for number, slot in enumerate(slots) if not slot.is_quoted]
        columns = {name: slots[place].column(fields[name].type in NUMBERS) for name, place in places.items()}
        bare = frozenset(name for name, place in places.items() if not shape.slots[place].is_quoted)
        if not all(mask.all() for mask in valid):
            mask = np.logical_and.reduce(valid)
            lines, columns = lines[mask], {name: column.filter(pa.array(mask)) for name, column in columns.items()}
        return Alike(lines, columns, bare)

    def _begins(self, shape: Shape, lines: np.ndarray) -> list[np.ndarray]:
        """Return where each piece begins in lines that have a shape."""
        first = self._first[lines]
        begins = [self.text.starts[lines]]
        for piece in shape.pieces[1:]:
            if piece.mark is None:
                begins.append(self.text.ends[lines] - len(piece.text))
            else:
                begins.append(self._marks[first + piece.marks_before] - piece.mark)
        return begins


class _Slot:
    """The values of some lines at one place."""

    def __init__(self, lines: _Lines, begins: np.ndarray, ends: np.ndarray, is_quoted: bool) -> None:
        self._lines, self._begins, self._ends, self.is_quoted = lines, begins, ends, is_quoted
        self._nulls: pa.Array | None = None
        self._numbers: pa.Array | None = None

    @cached_property
    def _texts(self) -> pa.Array:
        return self._lines.text.slices(self._begins, self._ends)

    def column(self, is_number: bool) -> pa.Array:
        """Return the values as text, or as int64 where a number is read and all are whole; null where they are."""
        if is_number and self._numbers is not None:
            return self._numbers
        return self._texts if self._nulls is None else where(pc.invert(self._nulls), self._texts)

    def are_values(self, is_read: bool) -> np.ndarray:
        """Return which values without quotes are valid: numbers, null, and flags unless a text or number is read."""
        numbers = self._lines.windows.numbers(self._begins, self._ends)
        found = numbers.valid
        if found.all():
            self._numbers = pa.array(numbers.values)
            return found
        self._nulls = pc.equal(self._texts, _NULL)
        found |= np.asarray(pc.is_in(self._texts, value_set=_NULLS if is_read else _WORDS))
        if not found.all():
            found[~found] = pc.match_substring_regex(self._texts.filter(pa.array(~found)), _NUMBER)
        return found
