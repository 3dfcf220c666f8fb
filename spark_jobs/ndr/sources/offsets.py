"""The offset of a clock, from a time that tells it, for the other times of a line."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.delimited import TextLines, joined

# A field `2026-01-31T06:03:20.123-05:00`, by the places of some of its letters from the T.
_LETTERS: Final = {-11: ",", -6: "-", -3: "-", 3: ":", 6: ":"}
_SECONDS_END: Final = 9
_MOST_DIGITS: Final = 9
_OFFSET_LENGTH: Final = len("-05:00")


def offsets_behind(lines: TextLines, starts: np.ndarray) -> pa.Array:
    """Return the offset of the first RFC 3339 time of each line that stands behind a place; null where none does."""
    letters = lines.letters
    found = np.full(len(lines), -1)
    places = np.flatnonzero(letters == ord("T"))
    for distance, expected in _LETTERS.items():
        places = places[letters.take(places + distance, mode="clip") == ord(expected)]
    line = lines.of(places)
    behind = places > starts[line] if len(places) else np.zeros(0, bool)
    found[line[behind][::-1]] = places[behind][::-1]
    absent = found < 0
    start = np.where(absent, 0, found + _SECONDS_END)
    letter = letters.take(start, mode="clip")
    fraction = letter == ord(".")
    for _ in range(_MOST_DIGITS + 1):
        start = start + (fraction & ((letter == ord(".")) | ((letter >= ord("0")) & (letter <= ord("9")))))
        letter = letters.take(start, mode="clip")
    is_utc, is_signed = letter == ord("Z"), (letter == ord("+")) | (letter == ord("-"))
    end = start + np.where(is_utc, 1, _OFFSET_LENGTH)
    return lines.slices(start, end, absent | (end > lines.ends) | ~(is_utc | is_signed))


def with_offset(times: pa.Array, offset: pa.Array) -> pa.Array:
    """Write offsets behind local times, where there are any."""
    if offset.null_count == len(offset):
        return times
    return pc.coalesce(joined(pc.replace_substring(times, "/", "-"), offset), times)
