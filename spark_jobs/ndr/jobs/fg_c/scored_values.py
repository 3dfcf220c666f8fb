"""The scores of many values by compiled code: of each value against the baseline of each horizon that judges it."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numba import types

from ndr.jobs.fg_c.formulas import contribution, scale_of, tail_probability
from ndr.jobs.fg_c.nearest import NOBODY, fill_bands, nearest

I1, I3 = (types.Array(types.int64, ndim, "C", readonly=True) for ndim in (1, 3))
F1, F2, F3 = (types.Array(types.float64, ndim, "C", readonly=True) for ndim in (1, 2, 3))
B2 = types.Array(types.boolean, 2, "C", readonly=True)
KNOWN2, KNOWN3 = (types.Array(types.float64, ndim, "A", readonly=True) for ndim in (2, 3))
"""Of what is known of an hour: one NaN for all values where nothing is."""
JUDGED: Final = (I1, I1, I1, B2, types.int64, I3, I3, I3, F3, B2)
"""Hosts, segments, groups and reached bands of rows; windows of groups; the arrays of Judges."""


@numba.njit(nogil=True)
def _fill_drift(tiers, horizons, short, long, results):  # type: ignore[no-untyped-def]
    """Fill in how far the host's median over the shortest horizon is from that over the longest one."""
    for first in range(0, len(tiers), max(1, horizons)):
        ratio, mads = np.nan, np.nan
        if short >= 0 and long >= 0 and tiers[first + short] == 0 and tiers[first + long] == 0:
            now, before = results[1, first + short], results[1, first + long]
            ratio = now / before if before != 0 else np.nan
            mads = (now - before) / results[5, first + long]
        for horizon in range(horizons):
            results[11, first + horizon] = ratio
            results[12, first + horizon] = mads


@numba.njit(
    types.void(
        F2, *JUDGED, F1, types.float64, F1, KNOWN2, KNOWN3, types.int64, types.int64, types.int32[::1],
        types.int64[::1], types.float64[:, ::1],
    ),
    nogil=True, cache=True,
)  # fmt: skip
def fill_scores(
    values, hosts, segments, groups, reached, windows, of_host, of_segment, of_network, known, usable,
    minimum, relative, weights, expected, highest, short, long, tiers, support, results,
):  # type: ignore[no-untyped-def]  # fmt: skip
    """Score the values of some rows.

    Parameters
    ----------
    values : float64[rows, metrics]
        NaN is null, and gives null.
    hosts, segments, groups : int64[rows]
        Numbers for Judges; a host may be -1.
    reached : bool[rows, bands]
        The time bands that a window reaches into. By the baseline of another band than the row's own a
        value is judged where that is as near, and the value adds less by it.
    windows : int
        How many there are among the groups.
    of_host, of_segment, of_network, known, usable
        As Judges has them.
    minimum : float64[metrics]
        The least scale, in the metric's unit.
    relative : float
        The least scale as a share of the median.
    weights : float64[tiers]
        Of a contribution that each tier judged, in the order of JUDGES.
    expected : float64[rows, metrics]
        Share of days on which so large a value came at this hour, in [0, 1]; NaN where that is not known.
    highest : float64[rows, metrics, horizons]
        `second_highest` of the metric at this hour, in the metric's unit; NaN where that is not known.
    short, long : int
        The places of the horizons whose medians are compared; -1 without them.
    tiers : int32[rows x metrics x horizons]
        Is filled with places in JUDGES.
    support : int64[rows x metrics x horizons]
        Is filled with the values behind the baselines.
    results : float64[results, rows x metrics x horizons]
        Is filled by RESULTS.
    """
    metrics, horizons, bands = values.shape[1], len(of_host), reached.shape[1]
    at = -1
    judges, own = np.empty((bands + 1, horizons, NOBODY), np.int64), bands  # its own come last
    # Neighbours have the same judge, of which these are kept: log2(median + least) and the scale.
    last, kept = np.zeros((metrics, horizons), np.int64), np.empty((2, metrics, horizons))
    for row in range(len(values)):
        of_row = hosts[row], segments[row], groups[row]
        fill_bands(of_host, of_segment, of_network, *of_row, reached[row], windows, judges)
        for metric in range(metrics):
            value, least = values[row, metric], minimum[metric]
            log_value = np.log2(value + least) if value + least > 0 else np.nan
            for horizon in range(horizons):
                at += 1
                tier = nearest(judges, own, usable, horizon, metric)
                tiers[at] = tier
                results[0, at] = value
                if tier == NOBODY or np.isnan(value):
                    support[at] = 0
                    for name in range(1, 11):
                        results[name, at] = np.nan
                    results[10, at] = 0.0
                    continue
                judge = judges[own, horizon, tier]
                rules = least, relative, weights[tier], expected[row, metric], highest[row, metric, horizon]
                adds = contribution(value, known[judge, metric, 5], known[judge, metric, 6], *rules)
                for band in range(bands if adds > 0 else 0):
                    if reached[row, band] and nearest(judges, band, usable, horizon, metric) == tier:
                        one = judges[band, horizon, tier]
                        less = contribution(value, known[one, metric, 5], known[one, metric, 6], *rules)
                        if less < adds:
                            adds, judge = less, one
                median, mad, iqr = known[judge, metric, 0], known[judge, metric, 1], known[judge, metric, 2]
                p25, p75, p95 = known[judge, metric, 3], known[judge, metric, 4], known[judge, metric, 5]
                p99, behind = known[judge, metric, 6], known[judge, metric, 7]
                if judge + 1 != last[metric, horizon]:
                    last[metric, horizon] = judge + 1
                    kept[0, metric, horizon] = np.log2(median + least) if median + least > 0 else np.nan
                    kept[1, metric, horizon] = scale_of(median, mad, iqr, least, relative)
                support[at] = np.int64(behind)
                results[1, at] = median
                results[2, at] = mad
                results[3, at] = p95
                results[4, at] = p99
                results[5, at] = kept[1, metric, horizon]
                results[6, at] = (value - median) / kept[1, metric, horizon]
                results[7, at] = log_value - kept[0, metric, horizon]
                results[8, at] = max(value - p95, 0.0)
                results[9, at] = tail_probability(value, p25, median, p75, p95, p99, behind)
                results[10, at] = adds
    _fill_drift(tiers, horizons, short, long, results)
