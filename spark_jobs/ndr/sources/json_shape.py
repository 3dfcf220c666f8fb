"""The shape of a line of JSON: what stands around its values."""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

QUOTE: Final = b'"'
COMMA: Final = b","
_TOKEN: Final = re.compile(rb'"[^"]*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class Slot(NamedTuple):
    """The place of a value that is not an object: its keys, none within an array, and whether it is within quotes."""

    keys: tuple[str, ...]
    is_quoted: bool


class Piece(NamedTuple):
    """What stands before a value, or behind the last one.

    `mark` is where in it its first mark is (a quote, or another letter), which is the one of the number `marks_before`
    of the line; None where it has none.
    """

    text: bytes
    marks_before: int
    mark: int | None


class Shape(NamedTuple):
    """The slots of a line, the pieces around them (one more), and the keys of its objects and arrays."""

    slots: tuple[Slot, ...]
    pieces: tuple[Piece, ...]
    containers: frozenset[tuple[str, ...]]


def shape_of(line: bytes, mark: bytes = QUOTE) -> Shape | None:
    """Return the shape of a line; None where it is not a JSON object, or its values can't be told by its marks.

    Parameters
    ----------
    line : bytes
        Without a backslash, so that each quote begins or ends a text.
    mark : bytes
        The letter by which pieces are found: a quote, or a comma, which stands between any two values.
    """
    try:
        if not isinstance(json.loads(line), dict):
            return None
    except (ValueError, RecursionError):
        return None
    slots, bounds, containers = _values(line)
    keys = [slot.keys for slot in slots if slot.keys]
    if not slots or len(set(keys)) < len(keys):  # of a key that comes twice, the last value counts
        return None
    edges = [0, *(edge for bound in bounds for edge in bound), len(line)]
    pieces = tuple(_piece(line, mark, begin, end) for begin, end in zip(edges[::2], edges[1::2], strict=True))
    if any(piece.mark is None for piece in pieces[1:-1]):
        return None
    return Shape(tuple(slots), pieces, frozenset(containers))


def _piece(line: bytes, mark: bytes, begin: int, end: int) -> Piece:
    text = line[begin:end]
    found = text.find(mark)
    return Piece(text, line.count(mark, 0, begin), None if found < 0 else found)


def _values(line: bytes) -> tuple[list[Slot], list[tuple[int, int]], list[tuple[str, ...]]]:
    """Return the slots of a valid line, where their values begin and end, and the keys of its objects and arrays."""
    slots, bounds, containers = [], [], []
    inside: list[str | None] = []  # the key in each object around, None for an array
    awaits_key = False
    for token in _TOKEN.finditer(line):
        word = token[0]
        if word in (b"{", b"["):
            containers.append(_keys(inside))
            inside.append("" if word == b"{" else None)
            awaits_key = word == b"{"
        elif word in (b"}", b"]"):
            inside.pop()
        elif word in (b":", b","):
            awaits_key = word == b"," and inside[-1] is not None
        elif awaits_key:
            inside[-1] = word[1:-1].decode()
        else:
            is_quoted = word.startswith(QUOTE)
            slots.append(Slot(_keys(inside), is_quoted))
            bounds.append((token.start() + is_quoted, token.end() - is_quoted))
    return slots, bounds, containers


def _keys(inside: list[str | None]) -> tuple[str, ...]:
    return () if None in inside else tuple(key for key in inside if key is not None)
