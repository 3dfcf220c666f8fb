"""The best autocorrelation of activity over the lags up to a sixth of a span, for many pairs at once.

Of the series x over the published slices, 1 where a pair is active and 0 where it is not, with mean m over P published
slices, the autocovariance at lag k is c(k) = sum of (x(t) - m) (x(t + k) - m) / N(k), over the N(k) slices t for which
t and t + k are published. The autocorrelation is c(k) / c(0) (Box and Jenkins 1976, section 2.1.5; Parzen 1963 for
series with missing values). As x is 0 or 1, the sums are counts of bits: c(k) N(k) = n(k) - m (a(k) + b(k)) + m^2 N(k)
with n(k) the slices active at t and t + k, a(k) those active at t, b(k) those active at t + k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LAGS_SHARE: Final = 6
"""Lags reach up to the span divided by this."""

_BLOCK: Final = 1024
_DECIMALS: Final = 9  # to which equal peaks are equal, whatever a sum rounds
_WORD: Final = 64

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]


def best_autocorrelation(active: Bytes, published: Bytes, span: int) -> tuple[Floats, Floats]:
    """Return the largest autocorrelation of each series, and the shortest lag that has it.

    Parameters
    ----------
    active : uint8[series, bytes]
        Slices as bits, the first in the lowest bit of the first byte; only published ones are set.
    published : uint8[bytes]
        The published slices of the span.
    span : int
        Slices of the span, published or not.

    Returns
    -------
    (float64[series], float64[series])
        In [-1, 1], and in slices. NaN for a constant series, and where no lag has both ends published for half of the
        published slices.
    """
    is_known = np.unpackbits(published, bitorder="little").view(bool)
    slices = int(np.count_nonzero(is_known))
    lags = np.arange(1, span // LAGS_SHARE + 1)
    pairs = np.array([np.count_nonzero(is_known[lag:] & is_known[:-lag]) for lag in lags.tolist()], np.int64)
    lags, pairs = (each[pairs * 2 >= max(slices, 1)] for each in (lags, pairs))
    best, best_lag = np.full((2, len(active)), np.nan)
    for first in range(0, len(active), _BLOCK) if len(lags) else ():
        bits = active[first : first + _BLOCK]
        mean = np.bitwise_count(bits).sum(axis=1, dtype=np.int64) / slices
        covariance = _together(bits, lags) - mean * _ends(bits, is_known, lags) + mean * mean * pairs[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.clip(np.round(covariance / pairs[:, None] / (mean - mean * mean), _DECIMALS), -1, 1)
        at = np.argmax(found, axis=0)
        peak = np.where(mean < 1, found[at, np.arange(len(at))], np.nan)
        best[first : first + _BLOCK] = peak
        best_lag[first : first + _BLOCK] = np.where(np.isnan(peak), np.nan, lags[at])
    return best, best_lag


def _together(bits: Bytes, lags: Ints) -> Ints:
    """Count for each lag and series the slices that are active and have an active one a lag later: n(k)."""
    words = _Shifted.of(bits, int(lags[-1]) // _WORD)
    return np.stack([words.together(lag) for lag in lags.tolist()])


def _ends(bits: Bytes, is_known: NDArray[np.bool_], lags: Ints) -> Ints:
    """Count for each lag and series the active slices with a published one a lag later, and before: a(k) + b(k)."""
    active = np.unpackbits(bits, axis=1, bitorder="little")
    known = np.flatnonzero(is_known)
    if known[-1] - known[0] + 1 == len(known):
        # Without a gap only the slices at the ends of the span have no partner.
        inside = active[:, known[0] : known[-1] + 1]
        head, tail = (np.cumsum(each[:, : lags[-1]], axis=1, dtype=np.int64) for each in (inside, inside[:, ::-1]))
        return 2 * inside.sum(axis=1, dtype=np.int64) - (head + tail).T[lags - 1]
    partners = np.zeros((len(lags), len(is_known)), np.float32)
    for partner, lag in zip(partners, lags.tolist(), strict=True):
        partner[:-lag] += is_known[lag:]
        partner[lag:] += is_known[:-lag]
    ends: Ints = (partners @ active.T.astype(np.float32)).astype(np.int64)  # whole numbers, far below 2^24
    return ends


@dataclass(frozen=True, slots=True, eq=False)
class _Shifted:
    """Bits as words, a column for each series: `words[i]` begins with word i. The rest is reused from lag to lag."""

    words: list[Words]
    moved: Words
    scratch: Words
    counts: Bytes

    @classmethod
    def of(cls, bits: Bytes, most_words: int) -> _Shifted:
        width = (bits.shape[1] + 7) // 8
        padded = np.zeros((len(bits), width * 8), np.uint8)
        padded[:, : bits.shape[1]] = bits
        whole = np.zeros((width + most_words + 1, len(bits)), np.uint64)
        whole[:width] = padded.view("<u8").T
        words = [whole[first : first + width] for first in range(most_words + 2)]
        return cls(words, np.empty_like(words[0]), np.empty_like(words[0]), np.empty(words[0].shape, np.uint8))

    def together(self, lag: int) -> NDArray[np.uint16]:
        """Count of each series the slices that are active and have an active one a lag later."""
        whole, rest = divmod(lag, _WORD)
        later = self.words[whole]
        if rest:
            np.right_shift(later, np.uint64(rest), out=self.moved)
            np.left_shift(self.words[whole + 1], np.uint64(_WORD - rest), out=self.scratch)
            later = np.bitwise_or(self.moved, self.scratch, out=self.moved)
        both = np.bitwise_count(np.bitwise_and(self.words[0], later, out=self.scratch), out=self.counts)
        counts: NDArray[np.uint16] = np.add.reduce(both, axis=0, dtype=np.uint16)
        return counts
