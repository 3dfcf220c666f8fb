"""Text of unknown origin, made safe for a terminal."""

from __future__ import annotations

import unicodedata
from typing import Final

_NOT_SHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that move the cursor, change the direction of text, start an escape sequence, or show nothing."""


def plain(text: str, keep: str = "") -> str:
    r"""Return a text with its control characters written out, as ``\x1b``, ``\n`` or ``\u202e``.

    Everything that comes from logs, names or messages of other programs goes through this function before it is
    printed: a terminal obeys control characters, and a lone surrogate cannot be encoded.

    Parameters
    ----------
    text : str
    keep : str
        Characters that stay as they are, such as the line breaks of a message.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one in keep or _is_shown(one) else _written_out(one) for one in text)


def _is_shown(one: str) -> bool:
    return unicodedata.category(one) not in _NOT_SHOWN


def _written_out(one: str) -> str:
    return one.encode("unicode_escape", "surrogatepass").decode("ascii")
