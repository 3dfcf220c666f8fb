"""RITA v5's beacon score, written from its published formula, for comparison with the product's ranking of pairs.

It judges a (source, destination) by single connections: their start seconds and the source's IP bytes. The product
judges a (source, destination, port) by counts of 15 minutes, so the two are not the same score of the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

HOUR: Final = 3600
SPAN: Final = 24 * HOUR
"""Seconds that the bars of a score span, from the hour of the pair's first connection."""

MIN_CONNECTIONS: Final = 4
"""Distinct start seconds that a pair needs for a score."""

_BINS: Final = 24
_MIN_SPREAD: Final = 10  # of the quartiles, below which they say nothing of a skew
_MIN_BARS_OF_TWO_HEIGHTS: Final = 11
_MIN_BARS_OF_DURATION: Final = 6
_IDEAL_RUN: Final = 12

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RitaScore:
    """The four parts of a score, each in [0, 1], and their mean."""

    timing: float
    size: float
    histogram: float
    duration: float

    @property
    def score(self) -> float:
        return (self.timing + self.size + self.histogram + self.duration) / 4


def rita_score(seconds: Ints, source_bytes: Ints) -> RitaScore | None:
    """Score the connections of one source and destination.

    Parameters
    ----------
    seconds : int64[n]
        Start of each connection, whole seconds since the epoch, in any order. What starts SPAN or more after the hour
        of the first one is counted in the last bar: a span that starts within an hour touches 25 of them.
    source_bytes : int64[n]
        IP bytes that the source sent in each connection.

    Returns
    -------
    RitaScore or None
        None with fewer than MIN_CONNECTIONS distinct start seconds.
    """
    if not len(seconds):
        return None
    begin = int(seconds.min()) // HOUR * HOUR
    gaps = np.diff(np.unique(seconds))
    if len(gaps) + 1 < MIN_CONNECTIONS:
        return None
    bars = np.bincount(np.minimum((seconds - begin) * _BINS // SPAN, _BINS - 1), minlength=_BINS)
    return RitaScore(
        timing=_evenness(gaps, if_tiny=1.0),
        size=_evenness(source_bytes, if_tiny=0.0),
        histogram=max(_flatness(bars), _two_heights(bars)),
        duration=_duration(bars, int(seconds.max() - seconds.min())),
    )


def span_start(last: int) -> int:
    """Return where the span that ends with the last connection of all pairs starts: with the hour 24 hours before."""
    return (last - SPAN) // HOUR * HOUR


def _evenness(values: Ints, if_tiny: float) -> float:
    """Return the mean of symmetry (by Bowley's skewness) and of closeness to the median (by the MAD).

    `if_tiny` is the closeness of values whose median is below 1.
    """
    values = np.sort(values)
    half = len(values) // 2
    lower, middle, upper = (float(np.median(part)) for part in (values[:half], values, values[len(values) - half :]))
    skew = 0.0
    if upper - lower >= _MIN_SPREAD and middle not in (lower, upper):
        skew = (upper + lower - 2 * middle) / (upper - lower)
    deviation = float(np.median(np.abs(values - middle)))
    closeness = max(0.0, (middle - deviation) / middle) if middle >= 1 else if_tiny
    return (1 - abs(skew) + closeness) / 2


def _flatness(bars: Ints) -> float:
    """Return 1 less the coefficient of variation of all bars, 0 where it is above 1."""
    return max(0.0, 1 - float(bars.std() / bars.mean()))


def _two_heights(bars: Ints) -> float:
    """Return the share of the occupied bars, less one, that the two most frequent heights have: a beacon that pauses.

    Heights within 5 % of the largest bar count as one.
    """
    occupied = bars[bars > 0]
    if len(occupied) < _MIN_BARS_OF_TWO_HEIGHTS:
        return 0.0
    width = int(np.ceil(occupied.max() * 0.05))
    frequent = np.sort(np.bincount(occupied // width))[-2:]
    return min(1.0, float(frequent.sum()) / (len(occupied) - 1))


def _duration(bars: Ints, seconds: int) -> float:
    """Return the larger of the share of SPAN between first and last connection, and of the longest run of 12 bars.

    A run goes on from the last bar to the first one.
    """
    occupied = bars > 0
    if np.count_nonzero(occupied) < _MIN_BARS_OF_DURATION:
        return 0.0
    longest = run = 0
    for each in np.concatenate((occupied, occupied)).tolist():
        run = run + 1 if each else 0
        longest = max(longest, run)
    return min(1.0, max(seconds / SPAN, min(longest, _BINS) / _IDEAL_RUN))
