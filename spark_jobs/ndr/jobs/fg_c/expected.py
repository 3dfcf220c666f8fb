"""What a host's profile expects at an hour: large values that come then, how large, and that they come."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import (
    EXPECTED_BY,
    MISSED,
    PROFILE_METRICS,
    PROFILE_WINDOWS,
    SILENCE_WINDOW,
    missing_name,
)
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import DAY, EPOCH, WINDOWS, instant_of
from ndr.jobs.fg_b.expectation import HourlyProfile, expected_shares, local_hours
from ndr.jobs.fg_c.absences import Absence, surprise
from ndr.jobs.fg_c.baseline_hosts import Stayed, address_of, always
from ndr.jobs.fg_c.formulas import Floats, Ints
from ndr.jobs.fg_c.judges import HorizonBaseline, floats, places_among
from ndr.jobs.fg_c.rows import FeatureRows

WINDOW: Final = ("host_ip", "role", "window_label", "window_end")
_LATELY: Final = "8h"
_HOURS: Final = 24
_MICROSECOND: Final = EPOCH.resolution
_WEEKS: Final = 3 * 7 * DAY
"""From this length on a horizon has enough days of one weekday."""


def longest(baselines: Sequence[HorizonBaseline]) -> HorizonBaseline | None:
    """Return the baseline whose profile has most days; None without a profile."""
    known = [each for each in baselines if each.profile is not None and each.profile.num_rows]
    return max(known, key=lambda each: HORIZONS[each.horizon], default=None)


@dataclass(frozen=True)
class ProfiledHours:
    """The profile of a baseline, and where the hours of FG-A rows are in it.

    Attributes
    ----------
    profile : HourlyProfile
    row_of : int64[judged hosts, roles, windows, 24]
        The row of each hour of the day; -1 without one.
    is_profiled : bool[windows]
    days, hours : int64[instants]
        The local day and hour of each window end.
    """

    profile: HourlyProfile
    row_of: Ints
    is_profiled: NDArray[np.bool_]
    days: Ints
    hours: Ints

    @classmethod
    def of(cls, profile: pa.Table, rows: FeatureRows, time_zone: str) -> ProfiledHours:
        """Take a profile, FG-A rows, and the zone that the profile was built in."""
        known = HourlyProfile.of(profile, time_zone)
        words = (rows.judged_hosts, rows.roles, rows.windows)
        columns = [places_among(profile[name], each) for name, each in zip(WINDOW[:3], words, strict=True)]
        row_of = np.full((*map(len, words), _HOURS), -1, np.int64)
        is_asked = np.all([each >= 0 for each in columns], axis=0)
        hour = known.columns["hour_of_day"]
        row_of[(*(each[is_asked] for each in columns), hour[is_asked])] = np.flatnonzero(is_asked)
        is_profiled = np.array([label in PROFILE_WINDOWS for label in rows.windows], bool)
        return cls(known, row_of, is_profiled, *local_hours(rows.instants, time_zone))

    def row(self, part: FeatureRows) -> Ints:
        """Return the row of the profile for each of some of the rows; -1 without one."""
        found = self.row_of[part.judged_of, part.role_of, part.window_of, self.hours[part.end_of]]
        return np.where(part.judged_of >= 0, found, -1)


class ExpectedHours:
    """What the profiles of baselines expect at the hours of FG-A rows."""

    def __init__(self, baselines: Sequence[HorizonBaseline], rows: FeatureRows, time_zone: str) -> None:
        self._profiled = {
            each.horizon: ProfiledHours.of(each.profile, rows, time_zone)
            for each in baselines
            if each.profile is not None and each.profile.num_rows
        }
        self._longest = max(self._profiled, key=lambda horizon: HORIZONS[horizon], default=None)

    def shares(self, part: FeatureRows, metrics: Sequence[str]) -> Floats | None:
        """Return the share of days on which so large a value came at the hour, float64[rows, metrics]; NaN is unknown.

        It is that of the profile with most days; None without a profile. A metric has that of the metric in
        EXPECTED_BY. With at least three weeks of days, a value that comes on one weekday only is expected on it: the
        larger one of the shares of all days and of the same weekday counts.
        """
        if self._longest is None:
            return None
        known, by_weekday = self._profiled[self._longest], HORIZONS[self._longest] >= _WEEKS
        row, is_profiled, days = known.row(part), known.is_profiled[part.window_of], known.days[part.end_of]
        shares: dict[str, Floats] = {}
        for metric in {EXPECTED_BY[metric] for metric in metrics if metric in EXPECTED_BY}:
            shares[metric] = known.profile.days_share(metric, row, is_profiled)
            if by_weekday:
                of_weekday = known.profile.weekday_share(metric, row, is_profiled, days)
                shares[metric] = np.fmax(shares[metric], of_weekday)
        return _columns(
            {metric: shares[EXPECTED_BY[metric]] for metric in metrics if metric in EXPECTED_BY}, metrics, row
        )

    def highest(self, baseline: HorizonBaseline, part: FeatureRows, metrics: Sequence[str]) -> Floats | None:
        """Return what each metric reached at the hour on two days of the horizon, float64[rows, metrics].

        NaN is unknown. Metrics that the profile does not have are unknown: that of another metric is not in their unit.
        None is returned without a profile.
        """
        if baseline.horizon not in self._profiled:
            return None
        known = self._profiled[baseline.horizon]
        row = known.row(part)
        profiled = [metric for metric in metrics if metric in PROFILE_METRICS]
        return _columns({metric: known.profile.second_highest(metric, row) for metric in profiled}, metrics, row)


def _columns(known: Mapping[str, Floats], metrics: Sequence[str], row: Ints) -> Floats:
    """Return float64[rows, metrics] with the columns that are known, and NaN in the others."""
    found = np.full((len(row), len(metrics)), np.nan)
    for place, metric in enumerate(metrics):
        if metric in known:
            found[:, place] = known[metric]
    return found


def missing(
    present: pa.Table,
    bands: Mapping[int, str],
    baseline: HorizonBaseline | None,
    least_share: float,
    weight: float,
    time_zone: str,
    stayed: Stayed = always,
) -> list[Absence]:
    """Return the large values that come at an hour on most days and did not come.

    Parameters
    ----------
    present : pa.Table
        WINDOW, time_band and the MISSED metrics of FG-A rows; those of SILENCE_WINDOW and of eight hours count. A
        window without a row has the value 0.
    bands : mapping of int to str
        The time band of each window end, in microseconds since the epoch, whose window was published in full. Those
        that end an hour are looked at: they hold all of it.
    baseline : HorizonBaseline or None
        With the profile.
    least_share : float
        Share of the days on which the value came, from which on it is missed: where it is at most the host's
        median, and the last eight hours hold less than half of the usual p95. The profile counts an hour as
        high where any window that ends in it is, so what came before the full hour, or a little early, is not
        missed.
    stayed : callable
        Whether a host had its address in a time. What comes later than it got it is not missed.
    """
    ends = [end for end in bands if instant_of(end).minute == 0]
    if baseline is None or baseline.profile is None or not ends:
        return []
    windows, days = _expected_windows(baseline.profile, ends)
    expected = expected_shares(baseline.profile, windows, time_zone)
    shares = {name: np.nan_to_num(expected[name].days_share) for name in MISSED if name in PROFILE_METRICS}
    expectant = np.flatnonzero(np.any([share >= least_share for share in shares.values()], axis=0))
    keys = [tuple(row.values()) for row in windows.select(WINDOW).take(pa.array(expectant)).to_pylist()]
    some = {address_of(host) for host, _, _, _ in keys}
    values, lately = _values(present, SILENCE_WINDOW, some), _values(present, _LATELY, some)
    usual = _usual(baseline.host)
    found = []
    for metric, all_shares in shares.items():
        share = all_shares[expectant]
        for place in np.flatnonzero(share >= least_share).tolist():
            host, role, _, end = keys[place]
            instant = (end - EPOCH) // _MICROSECOND
            median, p95 = usual.get((host, role, bands[instant], metric), (0.0, 0.0))
            address = address_of(host)
            value = values.get((address, role, instant), {}).get(metric, 0.0)
            came = lately.get((address, role, instant), {}).get(metric, 0.0)
            is_absent = value <= median and came < p95 / 2 and host not in baseline.cold_hosts
            if is_absent and stayed(host, instant - WINDOWS[_LATELY] // _MICROSECOND, instant):
                observed = float(days.get((host, role), 0))
                bits = weight * float(surprise(np.array([share[place] * observed]), np.array([observed]))[0])
                found.append(Absence(address, instant, role, baseline.horizon, p95, bits, missing_name(metric), value))
    return found


def _expected_windows(profile: pa.Table, ends: Sequence[int]) -> tuple[pa.Table, dict[tuple[str, str], int]]:
    """Return a window of each host and role of a profile at each end, and the days that the profile has of them."""
    rows = profile.filter(pc.equal(profile["window_label"].cast(pa.string()), SILENCE_WINDOW))
    names = (rows["host_ip"].cast(pa.string()).to_pylist(), rows["role"].cast(pa.string()).to_pylist())
    days = dict(zip(zip(*names, strict=True), rows["days_observed"].to_pylist(), strict=True))
    keys = [(host, role, end) for host, role in days for end in ends]
    return (
        pa.table(
            {
                "host_ip": pa.array([host for host, _, _ in keys], pa.string()),
                "role": pa.array([role for _, role, _ in keys], pa.string()),
                "window_label": pa.array([SILENCE_WINDOW] * len(keys), pa.string()),
                "window_end": pa.array([end for _, _, end in keys], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            }
        ),
        days,
    )


def _values(present: pa.Table, label: str, hosts: Collection[str]) -> dict[tuple[str, str, int], dict[str, float]]:
    """Return the MISSED metrics of windows of some hosts, by host, role and end."""
    is_asked = pc.is_in(present["host_ip"].cast(pa.string()), pa.array(sorted(hosts), pa.string()))
    rows = present.filter(pc.and_(is_asked, pc.equal(present["window_label"].cast(pa.string()), label)))
    names = [rows[name].cast(pa.string()).to_pylist() for name in ("host_ip", "role")]
    ends = rows["window_end"].cast(pa.int64()).to_pylist()
    columns = {name: floats(rows[name]).tolist() for name in MISSED if name in rows.column_names}
    return {
        key: {name: values[place] for name, values in columns.items()}
        for place, key in enumerate(zip(*names, ends, strict=True))
    }


def _usual(host: pa.Table) -> dict[tuple[str, str, str, str], tuple[float, float]]:
    """Return median and p95 of the hosts' windows by host, role, band and metric."""
    rows = host.filter(pc.equal(host["window_label"].cast(pa.string()), SILENCE_WINDOW))
    names = list(
        zip(*(rows[name].cast(pa.string()).to_pylist() for name in ("host_ip", "role", "time_band")), strict=True)
    )
    found: dict[tuple[str, str, str, str], tuple[float, float]] = {}
    for metric in MISSED:
        if f"{metric}_median" in rows.column_names:
            numbers = zip(
                floats(rows[f"{metric}_median"]).tolist(), floats(rows[f"{metric}_p95"]).tolist(), strict=True
            )
            found |= {(*name, metric): pair for name, pair in zip(names, numbers, strict=True)}
    return found
