"""What did not happen: hosts that are usually active and were not, which have no row in FG-A."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import SILENCE, SILENCE_WINDOW
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import EPOCH, WINDOWS
from ndr.jobs.fg_c.baseline_hosts import Stayed, address_of, always
from ndr.jobs.fg_c.formulas import Floats, Ints
from ndr.jobs.fg_c.judges import HorizonBaseline, coded_column, floats


@dataclass(frozen=True)
class Absence:
    """What a host usually has in a window before `end`, microseconds since the epoch, and did not have."""

    host_ip: str
    end: int
    role: str
    horizon: str
    usual: float
    contribution: float
    metric: str = SILENCE
    value: float = 0.0
    window_label: str = SILENCE_WINDOW

    @property
    def is_silence(self) -> bool:
        return self.metric == SILENCE


def surprise(active: Floats, windows: Floats) -> Floats:
    """Return the bits of surprise at an inactive window of a host that was active in `active` of `windows`.

    That is -log2 of its probability, which is (inactive + 1) / (windows + 2) by Laplace's rule of succession.
    """
    return -np.log2((windows - active + 1.0) / (windows + 2.0))  # type: ignore[no-any-return]


def silences(
    present: pa.Table,
    bands: Mapping[str, Mapping[int, str]],
    baselines: Sequence[HorizonBaseline],
    expected_active_ratio: float,
    weight: float,
    stayed: Stayed = always,
) -> list[Absence]:
    """Return the silent hosts at each window end, by the shortest horizon that knows the host.

    A host is silent that has no session in SILENCE_WINDOW. Each longer window without a session adds its own surprise,
    so that a silence of a day counts for more than one of an hour.

    Parameters
    ----------
    present : pa.Table
        host_ip, window_label and window_end of FG-A rows.
    bands : mapping of str to mapping of int to str
        By window label, SILENCE_WINDOW at least, the time band of each window end, in microseconds since the epoch,
        whose window was published in full.
    expected_active_ratio : float
        A host is usually active when its active ratio in the time band, in either role, is at least this.
    weight : float
        Of a contribution that the host's own baseline judged.
    stayed : callable
        Whether a host had its address in a window: one that got it later is not silent before.
    """
    ordered = sorted(baselines, key=lambda each: HORIZONS[each.horizon])
    found: dict[tuple[str, int], Absence] = {}
    for label in sorted(bands, key=lambda name: WINDOWS[name]):
        of_window = _empty(present, label, bands[label], ordered, expected_active_ratio, weight, stayed)
        if label == SILENCE_WINDOW:
            found = of_window
            continue
        for key in found.keys() & of_window.keys():
            longer, so_far = of_window[key], found[key].contribution
            found[key] = replace(longer, contribution=longer.contribution + so_far)
    return list(found.values())


def _empty(
    present: pa.Table,
    label: str,
    bands: Mapping[int, str],
    baselines: Sequence[HorizonBaseline],
    least: float,
    weight: float,
    stayed: Stayed,
) -> dict[tuple[str, int], Absence]:
    """Return the hosts that have no session in a window and usually have, by host and window end."""
    ends, width = np.array(list(bands), np.int64), WINDOWS[label] // EPOCH.resolution
    of_address, is_seen = _seen(present, label, ends)
    found: dict[tuple[str, int], Absence] = {}
    for baseline in baselines:
        for band, hosts in _usually_active(baseline, label, least, weight).items():
            names = [*hosts]
            rows = np.array([of_address.get(address_of(host), -1) for host in names], np.int64)
            in_band = np.flatnonzero([of == band for of in bands.values()])
            for place, number in np.argwhere(~is_seen[np.ix_(rows, in_band)].T).tolist():
                host, end = names[number], int(ends[in_band[place]])
                key = (address_of(host), end)
                if key not in found and stayed(host, end - width, end):
                    role, median, contribution = hosts[host]
                    found[key] = Absence(*key, role, baseline.horizon, median, contribution, window_label=label)
    return found


def _seen(present: pa.Table, label: str, ends: Ints) -> tuple[dict[str, int], NDArray[np.bool_]]:
    """Return the row of each address in a matrix, and that: whether it has a window at each end.

    The last row, which has none, is that of addresses without windows.
    """
    rows = present.select(["host_ip", "window_end"]).filter(pc.equal(present["window_label"].cast(pa.string()), label))
    hosts, places = coded_column(rows["host_ip"]), pc.index_in(rows["window_end"].cast(pa.int64()), pa.array(ends))
    addresses = hosts.dictionary.to_pylist()
    found = np.zeros((len(addresses) + 1, len(ends)), bool)
    is_asked = places.is_valid().to_numpy()
    found[hosts.indices.to_numpy()[is_asked], places.fill_null(0).to_numpy()[is_asked]] = True
    return {address: number for number, address in enumerate(addresses)}, found


def _usually_active(
    baseline: HorizonBaseline, label: str, least: float, weight: float
) -> dict[str, dict[str, tuple[str, float, float]]]:
    """Return by band and host the role, the usual sessions and the contribution of the role that is most active."""
    rows = baseline.host.filter(pc.equal(baseline.host["window_label"].cast(pa.string()), label))
    ratio, active = floats(rows["active_ratio"]), floats(rows["rows_cnt"])
    with np.errstate(divide="ignore", invalid="ignore"):
        contribution = weight * surprise(active, active / ratio)
    medians = floats(rows["sessions_cnt_median"])
    names = zip(*(rows[name].to_pylist() for name in ("time_band", "host_ip", "role")), strict=True)
    found: dict[str, dict[str, tuple[str, float, float]]] = {}
    for place, (band, host, role) in enumerate(names):
        if ratio[place] < least or host in baseline.cold_hosts or np.isnan(medians[place]):
            continue
        known = found.setdefault(band, {})
        if host not in known or known[host][2] < contribution[place]:
            known[host] = (role, float(medians[place]), float(contribution[place]))
    return found
