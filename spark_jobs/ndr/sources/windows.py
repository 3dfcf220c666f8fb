"""Bytes of a text from many places on, gathered at once: comparison with a text, and whole numbers."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

LONGEST_TEXT: Final = 1 << 12
"""Bytes of the longest text to compare with."""

MOST_DIGITS: Final = 18
"""Digits of the longest number: any int64 has as many."""

_WORD: Final = 8
_WINDOW: Final = 32
_ZEROS: Final = np.uint64(0x3030303030303030)
_ABOVE_NINE: Final = np.uint64(0x7676767676767676)
_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_POWERS: Final = 10 ** np.arange(_WORD + 1, dtype=np.int64)
# Two digits become one number, then two such, then two such: which bits hold them, the factor that adds them up, and
# how far to the right the sum is to be moved.
_STEPS: Final = [
    (np.uint64(mask), np.uint64(factor), np.uint64(shift))
    for mask, factor, shift in [
        (0x0F0F0F0F0F0F0F0F, (10 << 8) + 1, 8),
        (0x00FF00FF00FF00FF, (100 << 16) + 1, 16),
        (0x0000FFFF0000FFFF, (10_000 << 32) + 1, 32),
    ]
]


class Numbers(NamedTuple):
    """Whole numbers (int64), and which of them are valid: up to `MOST_DIGITS` digits without a leading zero."""

    values: np.ndarray
    valid: np.ndarray


class Windows:
    """The bytes of a text (uint8) from any place on, and zeros behind its end."""

    def __init__(self, letters: np.ndarray) -> None:
        self._padded = np.concatenate((letters, np.zeros(LONGEST_TEXT + _WINDOW, np.uint8)))

    def _at(self, places: np.ndarray, size: int) -> np.ndarray:
        """Return `size` bytes from each place on, as rows of numbers of eight bytes each (uint64)."""
        windows = np.ndarray(len(self._padded) - size + 1, f"V{size}", self._padded, strides=(1,))
        return windows[places].view("<u8").reshape(len(places), -1)

    def match(self, places: np.ndarray, text: bytes) -> np.ndarray:
        """Return at which places a text stands."""
        found = np.ones(len(places), bool)
        for after in range(0, len(text), _WINDOW):
            piece = text[after : after + _WINDOW]
            words = self._at(places + after, _WORD if len(piece) <= _WORD else _WINDOW)
            for number, begin in enumerate(range(0, len(piece), _WORD)):
                word = piece[begin : begin + _WORD]
                mask = np.uint64((1 << 8 * len(word)) - 1)
                found &= (words[:, number] & mask) == np.uint64(int.from_bytes(word, "little"))
        return found

    def numbers(self, begins: np.ndarray, ends: np.ndarray) -> Numbers:
        """Read what stands between places as whole numbers in decimal."""
        length = ends - begins
        values = np.zeros(len(begins), np.int64)
        valid = (length > 0) & (length <= MOST_DIGITS)
        for after in range(0, min(int(length.max(initial=0)), MOST_DIGITS), _WORD):
            count = (length - after).clip(0, _WORD)
            # The first digit is in the lowest byte. What is behind the last one falls out, and zeros come in.
            digits = self._at(begins + after, _WORD)[:, 0] ^ _ZEROS
            if not after:
                valid &= (length == 1) | ((digits & np.uint64(0xFF)) != 0)
            digits <<= (8 * (_WORD - count)).astype(np.uint64)
            valid &= ((digits + _ABOVE_NINE) | digits) & _HIGH_BITS == 0
            for mask, factor, shift in _STEPS:
                digits = ((digits & mask) * factor) >> shift
            values = values * _POWERS[count] + digits.view(np.int64) if after else digits.view(np.int64)
        return Numbers(values, valid)
