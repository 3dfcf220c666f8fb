"""The machines of addresses: as the baselines know them, or at an instant where hosts are machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import FG_A_MACHINES, FG_B_IP_METADATA
from ndr.contract.horizons import HORIZONS
from ndr.contract.manifest import Owner
from ndr.contract.time import Interval
from ndr.findings.place import FindingsPlace
from ndr.store.catalog import newest_baseline
from ndr.store.publish import read_table
from ndr.store.scan import Scan

NameOf = Callable[[str, datetime], str | None]
"""Returns the machine that an address had at the end of a window, or None."""

_COLUMNS: Final = ("host_ip", "window_end", "machine_name")


def names_of(place: FindingsPlace, interval: Interval, addresses: Iterable[str]) -> NameOf:
    """Return how the machines of some addresses are called at the ends of windows of an interval."""
    wanted = sorted(set(addresses))
    if not wanted:
        return lambda address, window_end: None
    if place.machines is None:
        names = baseline_names(place.fg_b, interval.end)
        return lambda address, window_end: names.get(address)
    at = {
        (row["host_ip"], row["window_end"]): row["machine_name"]
        for table in _machines(place.machines, place.owner, interval)
        for row in table.filter(pc.is_in(table["host_ip"], pa.array(wanted, pa.string()))).to_pylist()
    }
    return lambda address, window_end: at.get((address, window_end))


def last_names(features: str, owner: Owner, interval: Interval) -> dict[str, str]:
    """Return the machine that each address of FG-A had last in an interval, of those that had one then."""
    last: dict[str, tuple[datetime, str | None]] = {}
    for table in _machines(features, owner, interval):
        newest = table.group_by("host_ip", use_threads=False).aggregate([("window_end", "max")])
        newest = newest.rename_columns(["host_ip", "window_end"])
        for row in table.join(newest, ["host_ip", "window_end"], join_type="inner").to_pylist():
            known = last.get(row["host_ip"])
            if known is None or known[0] < row["window_end"]:
                last[row["host_ip"]] = (row["window_end"], row["machine_name"])
    return {address: name for address, (_, name) in last.items() if name}


def baseline_names(fg_b: str, end: datetime) -> dict[str, str]:
    """Return the machine of each address that has one, by the newest baseline of the longest horizon up to `end`."""
    for horizon in sorted(HORIZONS, key=lambda label: HORIZONS[label], reverse=True):
        if baseline := newest_baseline(fg_b, horizon, end):
            table = read_table(baseline.uri, baseline.manifest, FG_B_IP_METADATA, ("host_ip", "machine_name"))
            rows: list[dict[str, str | None]] = pa.Table.to_pylist(table)
            return {str(row["host_ip"]): row["machine_name"] for row in rows if row["machine_name"]}
    return {}


def _machines(features: str, owner: Owner, interval: Interval) -> Iterable[pa.Table]:
    return Scan.of(features, FG_A_MACHINES, interval, _COLUMNS, owner, without_reads=True).bundles()
