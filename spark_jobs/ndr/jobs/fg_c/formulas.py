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
    "support_count", "median", "mad", "p95", "p99", "scale", "z", "log_ratio", "excess_over_p95", "tail_probability",
    "contribution",
)  # fmt: skip
"""The order of what `fill_scores` finds for each value; NaN is null."""

MAD_TO_DEVIATION: Final = 1.4826
IQR_TO_DEVIATION: Final = 1 / 1.349

_F1, _F2, _F3 = numba.float64[:], numba.float64[:, :], numba.float64[:, :, :]


@numba.njit(numba.float64(numba.float64, _F1), nogil=True, cache=True)
def _tail(value, known):  # type: ignore[no-untyped-def]
    p25, median, p75, p95, p99, support = known[3], known[0], known[4], known[5], known[6], known[7]
    if value <= p25:
        share = 0.75
        if value < p25:
            share = 0.75 + 0.25 * min(1.0, (p25 - value) / (median - p25)) if median > p25 else 1.0
    elif value > p99:
        share = 0.01 * 5.0 ** (-(value - p99) / (p99 - p95)) if p99 > p95 else 0.0
    elif value <= median:
        share = 0.75 * (0.5 / 0.75) ** ((value - p25) / (median - p25))
    elif value <= p75:
        share = 0.5 * 0.5 ** ((value - median) / (p75 - median))
    elif value <= p95:
        share = 0.25 * 0.2 ** ((value - p75) / (p95 - p75))
    else:
        share = 0.05 * 0.2 ** ((value - p95) / (p99 - p95))
    return max(share, 1.0 / (support + 1.0))


@numba.njit(nogil=True, inline="always")
def threshold(p99, expected, highest):  # type: ignore[no-untyped-def]
    """Return u, up to which a value adds nothing."""
    share = 0.0 if np.isnan(expected) else expected
    reached = 0.0 if np.isnan(highest) else highest
    return max((1.0 + share) * p99, reached)


@numba.njit(nogil=True, inline="always")
def _contribution(value, known, least, relative, weight, expected, highest):  # type: ignore[no-untyped-def]
    p95, p99 = known[5], known[6]
    reached = 0.0 if np.isnan(highest) else highest
    beyond = value - threshold(p99, expected, highest)
    if beyond <= 0:
        return 0.0
    tail = max(p99 - p95, least, relative * max(abs(p99), reached))
    return weight * np.log2(1.0 + beyond / tail)


@numba.njit(
    numba.void(
        numba.int64[:], _F2, numba.int64[:, :], _F3, numba.boolean[:, :], _F1, numba.float64, _F1, _F2, _F2,
        numba.int8[:, :], _F3, numba.boolean,
    ),
    nogil=True, cache=True,
)  # fmt: skip
def _score(
    rows, values, judges, known, usable, minimum, relative, weights, expected, highest, tiers, results, only_less
):  # type: ignore[no-untyped-def]
    for number in range(len(rows)):
        row = rows[number]
        for metric in range(values.shape[1]):
            value = values[row, metric]
            tier, judge = 3, -1
            for each in range(3):
                place = judges[number, each]
                if place >= 0 and usable[metric, place]:
                    tier, judge = each, place
                    break
            if judge < 0 or np.isnan(value):
                if not only_less:
                    tiers[row, metric] = tier
                    results[:, row, metric] = np.nan
                    results[0, row, metric] = 0.0
                    results[10, row, metric] = 0.0
                continue
            it = known[metric, judge]
            least = minimum[metric]
            contribution = _contribution(
                value, it, least, relative, weights[tier], expected[row, metric], highest[row, metric]
            )
            if only_less and (tier != tiers[row, metric] or contribution >= results[10, row, metric]):
                continue
            tiers[row, metric] = tier
            median, mad, iqr, p95 = it[0], it[1], it[2], it[5]
            deviation = 1.4826 * mad if mad > 0 else iqr / 1.349
            scale = max(deviation, least, relative * abs(median))
            results[0, row, metric] = it[7]
            results[1, row, metric] = median
            results[2, row, metric] = mad
            results[3, row, metric] = p95
            results[4, row, metric] = it[6]
            results[5, row, metric] = scale
            results[6, row, metric] = (value - median) / scale
            has_ratio = value + least > 0 and median + least > 0
            results[7, row, metric] = np.log2((value + least) / (median + least)) if has_ratio else np.nan
            results[8, row, metric] = max(value - p95, 0.0)
            results[9, row, metric] = _tail(value, it)
            results[10, row, metric] = contribution


def fill_scores(
    rows: Ints,
    values: Floats,
    judges: Ints,
    known: Floats,
    usable: NDArray[np.bool_],
    minimum: Floats,
    relative: float,
    weights: Floats,
    expected: Floats,
    highest: Floats,
    tiers: NDArray[np.int8],
    results: Floats,
    only_less: bool = False,
) -> None:
    """Score the values of some rows against the first baseline that can judge them.

    Parameters
    ----------
    rows : int64[n]
        Numbers of the rows.
    values : float64[rows, metrics]
        NaN is null, and gives null.
    judges : int64[n, 3]
        For each of `rows`, the row of `known` that is of the value's host, segment and network; -1 without one.
    known : float64[metrics, judges, statistics]
        By STATISTICS.
    usable : bool[metrics, judges]
        Whether the judge has enough support for the metric.
    minimum : float64[metrics]
        The least scale, in the metric's unit.
    relative : float
        The least scale as a share of the median.
    weights : float64[4]
        Of a contribution that each tier judged, in the order of JUDGES.
    expected : float64[rows, metrics]
        Share of days on which so large a value came at this hour, in [0, 1]; NaN where that is not known.
    highest : float64[rows, metrics]
        `second_highest` of the metric at this hour, in the metric's unit; NaN where that is not known.
    tiers : int8[rows, metrics]
        Is filled with places in JUDGES.
    results : float64[results, rows, metrics]
        Is filled by RESULTS.
    only_less : bool
        Whether a value is scored again only where as near a judge gives it a smaller contribution.
    """
    _score(
        rows, values, judges, known, usable, minimum, relative, weights, expected, highest, tiers, results, only_less
    )
