"""Cells in a width: lines that are cut between words only, so that an id, a path or a number can be copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

GAP: Final = 3
EDGES: Final = 2
"""Columns of the terminal between two columns of a table, and at both edges of it."""
SENTENCE: Final = 32
"""Longer cells with spaces are sentences."""
READABLE: Final = 24
"""A column of sentences is not narrower."""


def column_widths(cells: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """Return the widths of a table's columns, or None where its words do not fit beside each other.

    Parameters
    ----------
    cells : sequence of sequence of str
        The texts of each column, its heading among them.
    width : int
        Columns of the terminal.
    """
    whole = [max(map(cell_len, column)) for column in cells]
    least = [
        max(READABLE if most > SENTENCE else 0, *map(longest_word, column))
        for column, most in zip(cells, whole, strict=True)
    ]
    left = width - EDGES - GAP * (len(cells) - 1) - sum(least)
    if left < 0:
        return None
    widths = list(least)
    for place in sorted(range(len(cells)), key=lambda each: whole[each] - least[each]):
        open_columns = sum(each < most for each, most in zip(widths, whole, strict=True))
        more = min(whole[place] - least[place], left // max(1, open_columns))
        widths[place] += more
        left -= more
    return widths


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text. A word that is longer than `width` is a line of its own, and whole."""
    if cell_len(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and cell_len(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def longest_word(text: str) -> int:
    """Return the width of the longest word of a text."""
    return max(map(cell_len, text.split(" ")))
