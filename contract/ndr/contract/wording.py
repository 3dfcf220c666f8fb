"""Words for sentences."""

from __future__ import annotations

from collections.abc import Iterable


def listed(words: Iterable[str]) -> str:
    """Return words for a sentence: `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)} or {last}"
