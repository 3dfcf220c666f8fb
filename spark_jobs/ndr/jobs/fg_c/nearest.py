"""The baseline that judges a value, as compiled code finds it: of the nearest tier that can."""

from __future__ import annotations

from typing import Final

import numba

NOBODY: Final = 3
"""The tier, a place in JUDGES, where no baseline can judge."""


@numba.njit(nogil=True)
def fill_judges(of_host, of_segment, of_network, host, segment, group, place, judges):  # type: ignore[no-untyped-def]
    """Fill in the judges of a group, a place of int64[places, horizons, tiers]; -1 where there is none.

    The arrays are those of `ndr.jobs.fg_c.judges.Judges`; a host may be -1.
    """
    for horizon in range(judges.shape[1]):
        judges[place, horizon, 0] = of_host[horizon, host, group] if host >= 0 else -1
        judges[place, horizon, 1] = of_segment[horizon, segment, group]
        judges[place, horizon, 2] = of_network[horizon, 0, group]


@numba.njit(nogil=True)
def in_band(group, band, bands, windows):  # type: ignore[no-untyped-def]
    """Return the group of the same role and window in a time band; see `ndr.jobs.fg_c.judges.Groups`."""
    return group + (band - group // windows % bands) * windows


@numba.njit(nogil=True)
def fill_bands(of_host, of_segment, of_network, host, segment, group, reached, windows, judges):  # type: ignore[no-untyped-def]
    """Fill in the judges of a row's group, at the last place, and of each band that its window reaches into.

    `reached` is bool[bands]; `judges` has a place for each band and one more.
    """
    bands = len(reached)
    fill_judges(of_host, of_segment, of_network, host, segment, group, bands, judges)
    for band in range(bands):
        if reached[band]:
            other = in_band(group, band, bands, windows)
            fill_judges(of_host, of_segment, of_network, host, segment, other, band, judges)


@numba.njit(nogil=True)
def nearest(judges, place, usable, horizon, metric):  # type: ignore[no-untyped-def]
    """Return the tier of the first judge at a place that can judge a metric, or NOBODY."""
    tier = 0
    while tier < NOBODY and (judges[place, horizon, tier] < 0 or not usable[judges[place, horizon, tier], metric]):
        tier += 1
    return tier
