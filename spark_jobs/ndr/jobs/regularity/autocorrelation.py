"""The best autocorrelation of sparse series over the lags up to a sixth of a span, a block of series at a time.

Of a series x over the published slices, with mean m over them, and y = x - m there and 0 elsewhere, the autocovariance
at lag k is c(k) = sum of y(t) y(t + k) / N(k), where N(k) counts the t for which t and t + k are published. The
autocorrelation is c(k) / c(0) (Box and Jenkins 1976, section 2.1.5, with the mean over the pairs that were observed, as
Parzen 1963 has it for series with missing values). All lags of a series come from one Fourier transform.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

LAGS_SHARE: Final = 6
"""Lags reach up to the span divided by this."""

_BLOCK_VALUES: Final = 1 << 19
_DECIMALS: Final = 9  # to which equal peaks are equal, whatever the transform rounds

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def best_autocorrelation(
    starts: Ints, counts: Ints, places: Ints, values: Ints, published: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return the largest autocorrelation of each series, and the shortest lag that has it.

    Parameters
    ----------
    starts, counts : int64[series]
        Series i has the values from `starts[i]`, `counts[i]` of them: one or more.
    places, values : int64[n]
        Place in the span, at a published slice, and value; elsewhere a series is 0.
    published : bool[span]

    Returns
    -------
    (float64[series], float64[series])
        In [-1, 1], and in slices. NaN for a constant series, and where no lag has both ends published for half of the
        published slices.
    """
    lags = _lags(published)
    best, lag = np.full((2, len(starts)), np.nan)
    if not len(lags):
        return best, lag
    block = max(1, _BLOCK_VALUES // (len(published) + int(lags[-1])))
    for first in range(0, len(starts), block):
        of_block = slice(first, first + block)
        dense = _deviations(starts[of_block], counts[of_block], places, values, published)
        found = _autocorrelations(dense, published, lags)
        at = np.argmax(found, axis=1)
        best[of_block] = found[np.arange(len(found)), at]
        lag[of_block] = np.where(np.isnan(best[of_block]), np.nan, lags[at])
    return best, lag


def _lags(published: NDArray[np.bool_]) -> Ints:
    """Return the lags, from 1, at which half of the published slices or more have a published partner."""
    lags = np.arange(1, len(published) // LAGS_SHARE + 1)
    if not len(lags):
        return lags
    return lags[_partners(published, lags) * 2 >= np.count_nonzero(published)]


def _partners(published: NDArray[np.bool_], lags: Ints) -> Ints:
    return np.array([np.count_nonzero(published[lag:] & published[:-lag]) for lag in lags.tolist()], np.int64)


def _deviations(starts: Ints, counts: Ints, places: Ints, values: Ints, published: NDArray[np.bool_]) -> Floats:
    """Return y of each series, a row each."""
    span, slices = len(published), np.count_nonzero(published)
    before = np.cumsum(counts) - counts
    entry = np.arange(int(counts.sum())) + np.repeat(starts - before, counts)
    own = values[entry]
    mean = np.add.reduceat(own, before, dtype=np.float64) / slices
    dense = np.empty((len(starts), span))
    dense[:] = -mean[:, None]
    if slices < span:
        dense[:, ~published] = 0
    dense.reshape(-1)[places[entry] + np.repeat(np.arange(len(starts)) * span, counts)] += own
    constant = (counts == slices) & (np.minimum.reduceat(own, before) == np.maximum.reduceat(own, before))
    dense[constant] = 0
    return dense


def _autocorrelations(dense: Floats, published: NDArray[np.bool_], lags: Ints) -> Floats:
    """Return the autocorrelation of each row at each lag; NaN for a row of zeros."""
    length = dense.shape[1] + int(lags[-1])  # zeros enough that no lag reaches around
    spectrum = np.fft.rfft(dense, n=length, axis=1)
    power = spectrum.real**2
    power += spectrum.imag**2
    products = np.fft.irfft(power, n=length, axis=1)
    weight = np.count_nonzero(published) / _partners(published, lags)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = products[:, lags] * weight / products[:, :1]
    return np.clip(np.round(found, _DECIMALS), -1, 1)
