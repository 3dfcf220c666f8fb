"""What a host's profile expects at an hour: large values that come then, how large, and that they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import EXPECTED_BY, MISSED, PROFILE_METRICS, SILENCE_WINDOW, missing_name
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import DAY, EPOCH, WINDOWS, instant_of
from ndr.jobs.fg_b.expectation import expected_shares
from ndr.jobs.fg_c.absences import Absence, surprise
from ndr.jobs.fg_c.baseline_hosts import Stayed, address_of, always
from ndr.jobs.fg_c.formulas import Floats
from ndr.jobs.fg_c.judges import HorizonBaseline, floats
from ndr.jobs.fg_c.rows import FeatureRows

WINDOW: Final = ("host_ip", "role", "window_label", "window_end")
_LATELY: Final = "8h"
_MICROSECOND: Final = EPOCH.resolution
_WEEKS: Final = 3 * 7 * DAY
"""From this length on a horizon has enough days of one weekday."""


def longest(baselines: Sequence[HorizonBaseline]) -> HorizonBaseline | None:
    """Return the baseline whose profile has most days; None without a profile."""
    known = [each for each in baselines if each.profile is not None and each.profile.num_rows]
    return max(known, key=lambda each: HORIZONS[each.horizon], default=None)


def shares_of(
    baseline: HorizonBaseline | None, rows: FeatureRows, metrics: Sequence[str], time_zone: str
) -> Floats | None:
    """Return the share of days on which so large a value came at the hour, float64[rows, metrics]; NaN is unknown.

    A metric has that of the metric in EXPECTED_BY. With at least three weeks of days, a value that comes on one
    weekday only is expected on it: the larger one of the shares of all days and of the same weekday counts. None is
    returned where there is no profile.
    """
    if baseline is None or baseline.profile is None:
        return None
    found = np.full((len(rows), len(metrics)), np.nan)
    shares = expected_shares(baseline.profile, rows.judged_windows, time_zone)
    by_weekday = HORIZONS[baseline.horizon] >= _WEEKS
    for place, metric in enumerate(metrics):
        if metric in EXPECTED_BY:
            share = shares[EXPECTED_BY[metric]]
            found[:, place] = np.fmax(share.days_share, share.weekday_share) if by_weekday else share.days_share
    return found


def highest_of(baseline: HorizonBaseline, rows: FeatureRows, metrics: Sequence[str], time_zone: str) -> Floats | None:
    """Return what each metric reached at the hour on two days of the horizon, float64[rows, metrics]; NaN is unknown.

    Metrics that the profile does not have are unknown: that of another metric is not in their unit. None is returned
    where there is no profile.
    """
    if baseline.profile is None or not baseline.profile.num_rows:
        return None
    found = np.full((len(rows), len(metrics)), np.nan)
    expected = expected_shares(baseline.profile, rows.judged_windows, time_zone)
    for place, metric in enumerate(metrics):
        if metric in expected:
            found[:, place] = expected[metric].second_highest
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
    shares = expected_shares(baseline.profile, windows, time_zone)
    keys = [tuple(row.values()) for row in windows.select(WINDOW).to_pylist()]
    values, lately = _values(present, SILENCE_WINDOW), _values(present, _LATELY)
    usual = _usual(baseline.host)
    found = []
    for metric in (each for each in MISSED if each in PROFILE_METRICS):
        share = np.nan_to_num(shares[metric].days_share)
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


def _values(present: pa.Table, label: str) -> dict[tuple[str, str, int], dict[str, float]]:
    rows = present.filter(pc.equal(present["window_label"].cast(pa.string()), label))
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
