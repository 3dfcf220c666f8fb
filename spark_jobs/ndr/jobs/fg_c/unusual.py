"""Which values are unusual: those that would add to the score of their host, found without their other figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from ndr.jobs.fg_c.formulas import threshold
from ndr.jobs.fg_c.in_order import in_order
from ndr.jobs.fg_c.kernel import PART_ROWS, Scoring
from ndr.jobs.fg_c.nearest import NOBODY, fill_bands, nearest
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.jobs.fg_c.scored_rows import Hour
from ndr.jobs.fg_c.scored_values import F2, JUDGED, KNOWN2, KNOWN3


@dataclass(frozen=True)
class Unusual:
    """Which values of FG-A rows a baseline judged, and which of these are unusual; bool[rows, metrics]."""

    rows: FeatureRows
    judged: NDArray[np.bool_]
    unusual: NDArray[np.bool_]


def unusual_parts(scoring: Scoring) -> Iterator[Unusual]:
    """Find the unusual values of all rows, a part of the hosts at a time."""
    yield from in_order(lambda part: unusual_values(scoring, part), scoring.rows.parts(PART_ROWS))


def unusual_values(scoring: Scoring, part: FeatureRows) -> Unusual:
    """Find the values of a part of the rows that the horizons of their nearest judge all call unusual.

    What is expected at an hour is looked up for the few rows alone that have a value beyond p99.
    """
    found = _flagged(scoring, part, Hour(None, None))
    beyond = np.flatnonzero(found.unusual.any(axis=1))
    few = part.take(beyond)
    hour = scoring.hour(few)
    if hour.is_known:
        found.unusual[beyond] = _flagged(scoring, few, hour).unusual
    return found


def _flagged(scoring: Scoring, part: FeatureRows, hour: Hour) -> Unusual:
    values = part.values(scoring.metrics)
    judged, unusual = np.empty(values.shape, bool), np.empty(values.shape, bool)
    known = hour.arrays(values.shape, len(scoring.valid))
    _fill(values, *scoring.judged(part), *known, judged, unusual)  # type: ignore[call-arg]
    return Unusual(part, judged, unusual)


@numba.njit(
    types.void(F2, *JUDGED, KNOWN2, KNOWN3, types.boolean[:, ::1], types.boolean[:, ::1]),
    nogil=True,
    cache=True,
    error_model="numpy",
)
def _fill(
    values, hosts, segments, groups, reached, windows, of_host, of_segment, of_network, known, usable,
    expected, highest, judged, unusual,
):  # type: ignore[no-untyped-def]  # fmt: skip
    """Tell which values are judged, and which are beyond the thresholds of all horizons of their nearest judge.

    The parameters are those of `ndr.jobs.fg_c.scored_values.fill_scores`.
    """
    bands, horizons = reached.shape[1], len(of_host)
    judges, own = np.empty((bands + 1, horizons, NOBODY), np.int64), bands  # its own come last
    for row in range(len(values)):
        of_row = hosts[row], segments[row], groups[row]
        fill_bands(of_host, of_segment, of_network, *of_row, reached[row], windows, judges)
        for metric in range(values.shape[1]):
            value, best, is_beyond = values[row, metric], NOBODY, False
            for horizon in range(horizons):
                tier = nearest(judges, own, usable, horizon, metric)
                if tier > best or (tier == best and not is_beyond):
                    continue
                hour = expected[row, metric], highest[row, metric, horizon]
                best, is_beyond = tier, value > threshold(known[judges[own, horizon, tier], metric, 6], *hour)
                for band in range(bands if is_beyond else 0):
                    if reached[row, band] and nearest(judges, band, usable, horizon, metric) == tier:
                        p99 = known[judges[band, horizon, tier], metric, 6]
                        is_beyond = is_beyond and value > threshold(p99, *hour)
            judged[row, metric] = best < NOBODY and not np.isnan(value)
            unusual[row, metric] = judged[row, metric] and is_beyond
