"""JSON objects that are not one a line: without a newline between them, in an array, or spread over lines."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from ndr.sources.json_lines import BLOCK_BYTES, HEAD_BYTES, LONGEST_LINE, LongLine, Reader

_BETWEEN = b" \t\r\n,[]"


def are_lines(head: bytes) -> bool:
    """Tell from the beginning of a text whether its objects are one a line."""
    text = head.lstrip()
    if text.startswith(b"["):
        return False
    line, newline, _ = text.partition(b"\n")
    if not text.startswith(b"{") or (newline and _is_object(line)):
        return True
    decoded = text.decode(errors="replace")
    try:
        _, end = json.JSONDecoder().raw_decode(decoded)
    except (ValueError, RecursionError):
        return True
    return "\n" not in decoded[:end] and not decoded[end:].strip()


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def objects_touch(content: bytes) -> bool:
    """Tell whether an object begins right behind another one. A search for both braces takes several times as long."""
    letters = np.frombuffer(content, np.uint8)
    closed = np.flatnonzero(letters == ord("}"))
    return bool((letters.take(closed + 1, mode="clip") == ord("{")).any())


def as_lines(content: bytes) -> bytes:
    """Write each object on a line. What stands between two objects is a line too, but for blanks, commas, brackets."""
    pieces, rest = _pieces(content)
    return b"".join(piece + b"\n" for piece in [*pieces, *_filled_lines(rest)])


def object_blocks(stream: Reader, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes | LongLine]:
    """Read objects, whatever stands between them, as blocks of lines. Memory is bounded as that of `blocks` is."""
    rest = b""
    while chunk := stream.read(block_bytes):
        pieces, rest = _pieces(rest + chunk)
        if pieces:
            yield b"".join(piece + b"\n" for piece in pieces)
        if len(rest) > LONGEST_LINE:
            yield LongLine(rest[:HEAD_BYTES], len(rest))
            rest = b""
    if lines := _filled_lines(rest):
        yield b"".join(line + b"\n" for line in lines)


def _filled_lines(text: bytes) -> list[bytes]:
    return [line for line in text.split(b"\n") if line.strip(_BETWEEN)]


def _pieces(content: bytes) -> tuple[list[bytes], bytes]:
    """Return the whole objects and what stands between them, and the text after the last object."""
    starts, ends = _spans(content)
    pieces, before = [], 0
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        between = content[before:start]
        if len(between) > 2 or between.strip(_BETWEEN):
            pieces += [line.strip(_BETWEEN) for line in _filled_lines(between)]
        found = content[start:end]
        pieces.append(found.replace(b"\n", b" ") if b"\n" in found else found)
        before = end
    return pieces, content[before:]


def _spans(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return where each outermost object starts, and where it ends, exclusive."""
    letters = np.frombuffer(content, np.uint8)
    braces = np.flatnonzero((letters == ord("{")) | (letters == ord("}")))
    quotes = _quotes(content, letters)
    # No string holds a raw newline, so a quote that is missing breaks its line only.
    lines = np.flatnonzero(letters == ord("\n"))
    line_of = np.searchsorted(lines, braces)
    line_start = np.concatenate(([0], lines + 1))[line_of]
    inside = (np.searchsorted(quotes, braces) - np.searchsorted(quotes, line_start)) % 2 == 1
    braces = braces[~inside]
    step = np.where(letters[braces] == ord("{"), 1, -1)
    depth = np.cumsum(step)
    # An object that is never closed or never opened must not hide those around it.
    floor = np.minimum.accumulate(np.minimum(depth, 0))
    depth = depth - floor
    ends = braces[(depth == 0) & (step == -1) & (np.diff(floor, prepend=0) == 0)] + 1
    starts = braces[(depth == 1) & (step == 1)][: len(ends)]
    return starts, ends


def _quotes(content: bytes, letters: np.ndarray) -> np.ndarray:
    quotes = np.flatnonzero(letters == ord('"'))
    if b"\\" not in content:
        return quotes
    doubtful = quotes[(quotes > 0) & (letters[quotes - 1] == ord("\\"))]
    escaped = [place for place in doubtful.tolist() if _backslashes_before(content, place) % 2]
    return np.setdiff1d(quotes, np.array(escaped, quotes.dtype), assume_unique=True)


def _backslashes_before(content: bytes, place: int) -> int:
    first = place
    while first and content[first - 1] == ord("\\"):
        first -= 1
    return place - first
