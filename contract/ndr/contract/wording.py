"""Words of sentences that people read: numbers with their nouns, and lists."""

from __future__ import annotations

from collections.abc import Iterable


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its words: `1 baseline`, `2 baselines`, `1,234 rows`.

    Parameters
    ----------
    number : int
    noun : str
        What follows 1: `baseline`, `pipeline execution`, `batch is`.
    plural : str, optional
        What follows other numbers, where it is not the noun with an s: `batches are`.
    """
    return f"{number:,} {agreeing(number, noun, plural or f'{noun}s')}"


def agreeing(number: float, singular: str, plural: str) -> str:
    """Return the word that agrees with a number, as a verb: `is` or `are`."""
    return singular if number == 1 else plural


def listed(words: Iterable[str]) -> str:
    """Return words for a sentence: `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
