"""Lines that all have as many fields, which Arrow's reader of CSV splits in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pyarrow as pa
from pyarrow import csv

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_MOST_FIELDS: Final = 1 << 10
# So few that the places of their fields stay in a processor's cache.
_PIECE_BYTES: Final = 1 << 18


def even_columns(
    text: bytes | bytearray, separator: str, places: Iterable[int], unset: str | None = None
) -> tuple[int, int, dict[int, pa.Array]] | None:
    """Split lines by a letter; a quote is a letter as any other, and empty lines are none.

    Parameters
    ----------
    text : bytes or bytearray
        Lines in UTF-8.
    separator : str
        Any letter of ASCII but a line's end.
    places : iterable of int
        Which fields to return, from 0.
    unset : str or None
        What stands for a field that has no value; None where nothing does.

    Returns
    -------
    (int, int, dict of int to pa.Array) or None
        The lines, the fields of each, and the columns (text) by their places; those beyond the line are absent. None
        where lines have different numbers of fields or are long, or Arrow would split them otherwise than by newlines.
    """
    first = text.lstrip(b"\n").partition(b"\n")[0] if text[:1] == b"\n" else text[: text.find(b"\n")]
    width = first.count(separator.encode()) + 1
    if not 1 < width <= _MOST_FIELDS or b"\r" in text or text.startswith(_BYTE_ORDER_MARK):
        return None
    names = [str(place) for place in range(width)]
    wanted = sorted({place for place in places if place < width}) or [0]
    try:
        table = csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(use_threads=False, block_size=_PIECE_BYTES, column_names=names),
            csv.ParseOptions(delimiter=separator, quote_char=False, double_quote=False),
            csv.ConvertOptions(
                check_utf8=False,
                include_columns=[names[place] for place in wanted],
                column_types={names[place]: pa.string() for place in wanted},
                null_values=[] if unset is None else [unset],
                strings_can_be_null=unset is not None,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table.num_rows, width, {place: table[names[place]].combine_chunks() for place in wanted}
