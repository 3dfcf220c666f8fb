"""The formulas of one value's score, over many values at once.

Notes
-----
`scale` estimates the standard deviation from the MAD (x 1.4826), from the IQR (/ 1.349) where the MAD is 0, and is at
least a minimum: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993; Rousseeuw and Croux, Alternatives to
the Median Absolute Deviation, JASA 88, 1993. Their modified z score 0.6745 (x - median) / MAD is z here.

`tail_probability` interpolates the logarithm of the share of values that are at least x between the published
percentiles. Above p99 it goes on as an exponential distribution, by whose law the share falls to a fifth over each
p99 - p95 (Pickands 1975 with shape 0). It is never below 1 / (support + 1), since n values cannot tell of rarer ones
(Davison and Hinkley, Bootstrap Methods and Their Application, 1997, section 4.2).

`contribution` is weight log2(1 + max(0, value - u) / s) with u = max((1 + e) p99, h) and s = max(p99 - p95, m,
r max(p99, h)), m the least scale in the metric's unit and r the least scale as a share: the excess over a high
threshold in units of the tail's scale (Davison and Smith, Models for Exceedances over High Thresholds, JRSS B 52,
1990). What recurs in more than one of a hundred windows of the band is below the threshold. The logarithm lets several
unusual metrics outweigh one extreme one.

e is `expected`, 0 where it is unknown: at an hour at which large values come on all days, up to twice the p99 adds
nothing. h is `second_highest`, 0 where it is unknown: what the host reached at this hour on two days of the horizon.
p99 is of capped values, and capping removes a job that runs in a few of a hundred windows, such as a backup; h is not
capped. A value ten times the backup at the backup's hour still scores: log2(1 + 9 / r) where h is the backup and p99 is
far below. A backup at an hour at which it does not come is compared with p99.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STATISTICS: Final = ("median", "mad", "iqr", "p25", "p75", "p95", "p99", "support_count")
"""The order of a baseline's statistics in the arrays below."""

RESULTS: Final = (
    "value", "median", "mad", "p95", "p99", "scale", "z", "log_ratio", "excess_over_p95", "tail_probability",
    "contribution", "median_7d_to_30d_ratio", "median_7d_30d_mads",
)  # fmt: skip
"""The order of what is found for each value; NaN is null."""
RESULT: Final = {name: place for place, name in enumerate(RESULTS)}

MAD_TO_DEVIATION: Final = 1.4826
IQR_TO_DEVIATION: Final = 1 / 1.349
_LOG2_5: Final = np.log2(5.0)
_LOG2_3_HALVES: Final = np.log2(1.5)


@numba.njit(nogil=True)
def tail_probability(value, p25, median, p75, p95, p99, support):  # type: ignore[no-untyped-def]
    """Return the share of values that are at least so large: `share` times two to the `power`."""
    power = 0.0
    if value > p99:
        share = 0.01 if p99 > p95 else 0.0
        if p99 > p95:
            power = -_LOG2_5 * (value - p99) / (p99 - p95)
    elif value > p95:
        share, power = 0.05, -_LOG2_5 * (value - p95) / (p99 - p95)
    elif value > p75:
        share, power = 0.25, -_LOG2_5 * (value - p75) / (p95 - p75)
    elif value > median:
        share, power = 0.5, -(value - median) / (p75 - median)
    elif value > p25:
        share, power = 0.75, -_LOG2_3_HALVES * (value - p25) / (median - p25)
    elif value == p25:
        share = 0.75
    else:
        share = 0.75 + 0.25 * min(1.0, (p25 - value) / (median - p25)) if median > p25 else 1.0
    return max(share * np.exp2(power), 1.0 / (support + 1.0))


@numba.njit(nogil=True)
def threshold(p99, expected, highest):  # type: ignore[no-untyped-def]
    """Return u, up to which a value adds nothing."""
    share = 0.0 if np.isnan(expected) else expected
    reached = 0.0 if np.isnan(highest) else highest
    return max((1.0 + share) * p99, reached)


@numba.njit(nogil=True)
def contribution(value, p95, p99, least, relative, weight, expected, highest):  # type: ignore[no-untyped-def]
    """Return what a value adds to the score of its host."""
    reached = 0.0 if np.isnan(highest) else highest
    beyond = value - threshold(p99, expected, highest)
    if beyond <= 0:
        return 0.0
    tail = max(p99 - p95, least, relative * max(abs(p99), reached))
    return weight * np.log2(1.0 + beyond / tail)


@numba.njit(nogil=True)
def scale_of(median, mad, iqr, least, relative):  # type: ignore[no-untyped-def]
    """Return what z divides by."""
    deviation = MAD_TO_DEVIATION * mad if mad > 0 else iqr * IQR_TO_DEVIATION
    return max(deviation, least, relative * abs(median))
