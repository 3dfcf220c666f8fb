"""Which values are unusual: those that would add to the score of their host, found without their other figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from ndr.contract.datasets import JUDGES
from ndr.jobs.fg_c.formulas import threshold
from ndr.jobs.fg_c.in_order import in_order
from ndr.jobs.fg_c.kernel import (
    PART_ROWS,
    ExpectedShares,
    Scoring,
    SecondHighest,
    nothing_expected,
    nothing_highest,
)
from ndr.jobs.fg_c.rows import FeatureRows

_NONE: Final = len(JUDGES) - 1


@dataclass(frozen=True)
class Unusual:
    """Which values of FG-A rows a baseline judged, and which of these are unusual; bool[rows, metrics]."""

    rows: FeatureRows
    metrics: tuple[str, ...]
    judged: NDArray[np.bool_]
    unusual: NDArray[np.bool_]


def unusual_parts(scoring: Scoring) -> Iterator[Unusual]:
    """Find the unusual values of all rows, a part of the hosts at a time."""
    yield from in_order(lambda part: unusual_values(scoring, part), scoring.rows.parts(PART_ROWS))


def unusual_values(scoring: Scoring, part: FeatureRows) -> Unusual:
    """Find the values of a part of the rows that the horizons of their nearest judge all call unusual.

    What is expected at an hour is looked up for the few rows alone that have a value beyond p99.
    """
    excused = (scoring.expected_shares, scoring.second_highest)
    tiers, flags = _flags(scoring, part, nothing_expected, nothing_highest)
    beyond = np.flatnonzero(flags.any(axis=1))
    if len(beyond):
        flags[beyond] = _flags(scoring, part.take(beyond), *excused)[1]
    judged = (tiers < _NONE) & ~np.isnan(part.values(scoring.metrics))
    return Unusual(part, scoring.metrics, judged, judged & flags)


def _flags(
    scoring: Scoring, part: FeatureRows, expected_shares: ExpectedShares, second_highest: SecondHighest
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Return the place of the nearest judge in JUDGES, and whether all horizons of it call the value unusual."""
    values, expected = part.values(scoring.metrics), expected_shares(part, scoring.metrics)
    shape = (*values.shape, len(scoring.valid))
    tiers, flags = np.full(shape, _NONE, np.int8), np.zeros(shape, bool)
    highest = [second_highest(known, part, scoring.metrics) for known in scoring.valid]
    for place, rows, judges, only_less in scoring.asked(part):
        judge = scoring.judges[place]
        _fill(
            rows, values, judges, judge.known, judge.usable, expected, highest[place], tiers[..., place],
            flags[..., place], only_less,
        )  # fmt: skip
    nearest = tiers.min(axis=2, initial=_NONE)
    return nearest, (flags | (tiers != nearest[..., np.newaxis])).all(axis=2) & (nearest < _NONE)


@numba.njit(
    numba.void(
        numba.int64[:], numba.float64[:, :], numba.int64[:, :], numba.float64[:, :, :], numba.boolean[:, :],
        numba.float64[:, :], numba.float64[:, :], numba.types.Array(numba.int8, 2, "A"),
        numba.types.Array(numba.boolean, 2, "A"), numba.boolean,
    ),
    nogil=True, cache=True,
)  # fmt: skip
def _fill(rows, values, judges, known, usable, expected, highest, tiers, flags, only_less):  # type: ignore[no-untyped-def]
    """Tell which values are beyond the threshold of the first baseline that can judge them; see `formulas`."""
    for number in range(len(rows)):
        row = rows[number]
        for metric in range(values.shape[1]):
            value = values[row, metric]
            for tier in range(3):
                judge = judges[number, tier]
                if judge < 0 or not usable[metric, judge]:
                    continue
                if not only_less:
                    tiers[row, metric] = tier
                    flags[row, metric] = value > threshold(
                        known[metric, judge, 6], expected[row, metric], highest[row, metric]
                    )
                elif flags[row, metric] and tier == tiers[row, metric]:
                    flags[row, metric] = value > threshold(
                        known[metric, judge, 6], expected[row, metric], highest[row, metric]
                    )
                break
