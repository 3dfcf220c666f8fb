"""What a profile expects of windows: how often a host was high at the hour of each, and how high on two days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import PROFILE_METRICS, PROFILE_WINDOWS
from ndr.contract.day_masks import same_weekday_bits
from ndr.contract.time import EPOCH, SLICE, instant_of
from ndr.jobs.deltas.grouping import packed
from ndr.jobs.fg_b.order_statistics import Floats, Ints

_HOURS: Final = 24
_KEYS: Final = ("host_ip", "role", "window_label")


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """How often a metric was high at the hours of some windows.

    Attributes
    ----------
    days_share : float64[windows]
        Share of the observed days on which the metric was high at the hour; 0 where the profile has no row for it.
    weekday_share : float64[windows]
        The same of the days with the window's weekday; NaN where the row has no such day.
    second_highest : float64[windows]
        What the metric reached at the hour on two days; NaN where the profile has no row for it, or null.
    """

    days_share: Floats
    weekday_share: Floats
    second_highest: Floats


def expected_shares(profile: pa.Table, windows: pa.Table, time_zone: str) -> dict[str, Expectation]:
    """Return, for each of PROFILE_METRICS, how often it was high at the hour of each window.

    A high share says that a high value is usual there, and that a low one is missing; `second_highest`, how high it is.

    Parameters
    ----------
    profile : Table
        Rows of the `profile` dataset of one baseline.
    windows : Table
        host_ip, role, window_label (text, plain or as codes) and window_end of each window; of hosts without rows of
        FG-A, too.
    time_zone : str
        IANA zone that the profile was built in.

    Returns
    -------
    dict of str to Expectation
        NaN in all where the window is not among PROFILE_WINDOWS.
    """
    days, hours = _local(windows["window_end"], time_zone)
    row = _rows_of(profile, windows, hours)
    found, profiled = row >= 0, pc.is_in(_plain(windows["window_label"]), pa.array(PROFILE_WINDOWS)).to_numpy()
    base = np.where(profiled, 0.0, np.nan)
    residue = -(days[found] - _last_day(profile, time_zone)) % 7
    same = np.array([same_weekday_bits(-number) for number in range(7)], np.int64)[residue]
    observed = _taken(profile, "observed_days_mask", row[found])
    of_weekday = np.bitwise_count(observed & same)
    expected = {}
    for metric in PROFILE_METRICS:
        share, by_weekday, second_highest = base.copy(), base.copy(), np.full(len(row), np.nan)
        share[found] = _taken(profile, f"{metric}_high_days_share", row[found])
        high = np.bitwise_count(_taken(profile, f"{metric}_high_days_mask", row[found]) & observed & same)
        by_weekday[found] = np.where(of_weekday > 0, high / np.maximum(of_weekday, 1), np.nan)
        second_highest[found] = _taken(profile, f"{metric}_second_highest", row[found])
        expected[metric] = Expectation(share, by_weekday, second_highest)
    return expected


def _local(ends: pa.ChunkedArray, time_zone: str) -> tuple[Ints, Ints]:
    """Return the local day (ordinal) and hour of the last slice's start of each window."""
    numbers = ends.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    distinct, of_row = np.unique(numbers, return_inverse=True)
    zone = ZoneInfo(time_zone)
    starts = [(instant_of(int(number)) - SLICE).astimezone(zone) for number in distinct]
    days = np.array([start.toordinal() for start in starts], np.int64)
    hours = np.array([start.hour for start in starts], np.int64)
    return days.take(of_row), hours.take(of_row)


def _last_day(profile: pa.Table, time_zone: str) -> int:
    """Return the local day of bit 0: that of the last slice before the baseline's end."""
    end = profile["baseline_end"][0].as_py() if profile.num_rows else EPOCH
    return int((end - SLICE).astimezone(ZoneInfo(time_zone)).toordinal())


def _rows_of(profile: pa.Table, windows: pa.Table, hours: Ints) -> Ints:
    """Return the row of the profile that each window belongs to, -1 where there is none."""
    if not profile.num_rows:
        return np.full(windows.num_rows, -1, np.int64)
    own, asked, sizes = [], [], []
    known: NDArray[np.bool_] = np.ones(windows.num_rows, bool)
    for name in _KEYS:
        texts = pc.unique(_plain(profile[name]))
        own.append(_places(profile[name], texts))
        places = _places(windows[name], texts)
        known &= places >= 0
        asked.append(np.maximum(places, 0))
        sizes.append(len(texts))
    sizes.append(_HOURS)
    of_profile = packed([*own, profile["hour_of_day"].to_numpy()], sizes)
    order = np.argsort(of_profile)
    wanted = packed([*asked, hours], sizes)
    at = np.minimum(np.searchsorted(of_profile[order], wanted), len(order) - 1)
    return np.where(known & (of_profile[order[at]] == wanted), order[at], -1)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _places(column: pa.ChunkedArray, texts: pa.Array) -> Ints:
    places: Ints = pc.index_in(_plain(column), texts).fill_null(-1).to_numpy().astype(np.int64)
    return places


def _taken(profile: pa.Table, name: str, rows: Ints) -> NDArray[np.int64]:
    return profile[name].to_numpy().take(rows)
