"""What a profile expects of windows: how often a host was high at the hour of each, and how high on two days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
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


@dataclass(frozen=True)
class HourlyProfile:
    """The profile of one baseline: its columns of numbers, and the local day of bit 0 of its masks.

    The methods take for each window its `row` of the profile, int64[windows], -1 where there is none.
    """

    columns: Mapping[str, NDArray[Any]]
    last_day: int

    @classmethod
    def of(cls, profile: pa.Table, time_zone: str) -> HourlyProfile:
        """Take the rows of the `profile` dataset of one baseline, and the zone that it was built in."""
        names = [
            f"{metric}_{name}"
            for metric in PROFILE_METRICS
            for name in ("high_days_share", "high_days_mask", "second_highest")
        ]
        columns = {name: profile[name].to_numpy() for name in ("hour_of_day", "observed_days_mask", *names)}
        return cls(columns, _last_day(profile, time_zone))

    def days_share(self, metric: str, row: Ints, is_profiled: NDArray[np.bool_]) -> Floats:
        """Return Expectation.days_share; `is_profiled` tells which windows are among PROFILE_WINDOWS."""
        return self._taken(f"{metric}_high_days_share", row, np.where(is_profiled, 0.0, np.nan))

    def weekday_share(self, metric: str, row: Ints, is_profiled: NDArray[np.bool_], days: Ints) -> Floats:
        """Return Expectation.weekday_share; `days` has the local day (ordinal) of each window's last slice."""
        found, share = row >= 0, np.where(is_profiled, 0.0, np.nan)
        same = np.array([same_weekday_bits(-number) for number in range(7)], np.int64)
        observed = self.columns["observed_days_mask"][row[found]] & same[-(days[found] - self.last_day) % 7]
        of_weekday = np.bitwise_count(observed)
        high = np.bitwise_count(self.columns[f"{metric}_high_days_mask"][row[found]] & observed)
        share[found] = np.where(of_weekday > 0, high / np.maximum(of_weekday, 1), np.nan)
        return share

    def second_highest(self, metric: str, row: Ints) -> Floats:
        """Return Expectation.second_highest."""
        return self._taken(f"{metric}_second_highest", row, np.full(len(row), np.nan))

    def _taken(self, name: str, row: Ints, found: Floats) -> Floats:
        is_known = row >= 0
        found[is_known] = self.columns[name][row[is_known]]
        return found


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
    numbers = windows["window_end"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    distinct, of_row = np.unique(numbers, return_inverse=True)
    days, hours = (each.take(of_row) for each in local_hours(distinct, time_zone))
    row, known = _rows_of(profile, windows, hours), HourlyProfile.of(profile, time_zone)
    is_profiled = pc.is_in(_plain(windows["window_label"]), pa.array(PROFILE_WINDOWS)).to_numpy()
    return {
        metric: Expectation(
            known.days_share(metric, row, is_profiled),
            known.weekday_share(metric, row, is_profiled, days),
            known.second_highest(metric, row),
        )
        for metric in PROFILE_METRICS
    }


def local_hours(ends: Ints, time_zone: str) -> tuple[Ints, Ints]:
    """Return the local day (ordinal) and hour of the last slice's start of windows.

    `ends` are in microseconds since the epoch, each once.
    """
    zone = ZoneInfo(time_zone)
    starts = [(instant_of(int(number)) - SLICE).astimezone(zone) for number in ends]
    days = np.array([start.toordinal() for start in starts], np.int64)
    return days, np.array([start.hour for start in starts], np.int64)


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
