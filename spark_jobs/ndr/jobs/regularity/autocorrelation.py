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
    known = _Shifted.of(published[None], span // LAGS_SHARE // _WORD + 1)
    slices = int(known.count(known.words[0])[0])
    pairs = {lag: int(known.count(known.later(lag) & known.words[0])[0]) for lag in range(1, span // LAGS_SHARE + 1)}
    lags = [lag for lag, of in pairs.items() if of * 2 >= slices > 0]
    best, best_lag = np.full((2, len(active)), np.nan)
    for first in range(0, len(active), _BLOCK) if lags else ():
        series = _Shifted.of(active[first : first + _BLOCK], span // LAGS_SHARE // _WORD + 1)
        mean = series.count(series.words[0]) / slices
        found = np.stack([_covariance(series, known, mean, lag, pairs[lag]) for lag in lags])
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.clip(np.round(found / (mean - mean * mean), _DECIMALS), -1, 1)
        at = np.argmax(found, axis=0)
        peak = np.where(mean < 1, found[at, np.arange(len(at))], np.nan)
        best[first : first + _BLOCK] = peak
        best_lag[first : first + _BLOCK] = np.where(np.isnan(peak), np.nan, np.array(lags)[at])
    return best, best_lag


def _covariance(series: _Shifted, known: _Shifted, mean: Floats, lag: int, pairs: int) -> Floats:
    """Return the autocovariance of each series at a lag."""
    later = series.later(lag)
    first = series.count(np.bitwise_and(series.words[0], known.later(lag), out=series.scratch))
    second = series.count(np.bitwise_and(later, known.words[0], out=series.scratch))
    both = series.count(np.bitwise_and(series.words[0], later, out=series.scratch))
    covariance: Floats = (both - mean * (first + second) + mean * mean * pairs) / pairs
    return covariance


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

    def later(self, lag: int) -> Words:
        """Return, at the place of each slice, the one `lag` slices later; valid until the next call."""
        whole, rest = divmod(lag, _WORD)
        if not rest:
            return self.words[whole]
        np.right_shift(self.words[whole], np.uint64(rest), out=self.moved)
        np.left_shift(self.words[whole + 1], np.uint64(_WORD - rest), out=self.scratch)
        return np.bitwise_or(self.moved, self.scratch, out=self.moved)

    def count(self, words: Words) -> Ints:
        """Count the bits of each series."""
        counts = np.add.reduce(np.bitwise_count(words, out=self.counts), axis=0, dtype=np.uint16)
        return counts.astype(np.int64)
