"""Whose rows of a baseline judge a machine: of several addresses of one machine exactly one answers for it."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from ndr.contract.networks import DefaultNetworks
from ndr.contract.time import DAY, Interval, microseconds, parse_instant
from ndr.jobs.fg_c.baseline_hosts import MachineHosts, address_of
from ndr.jobs.fg_c.pair_sources import PairSources
from ndr.jobs.host_identity.assignments import OBSERVATIONS, AddressAssignments
from ndr.jobs.host_identity.host_keys import HostKeys

START = parse_instant("2026-03-02")
PART = Interval(START, START + DAY)
WIRED, WIRELESS, NEW = "10.0.0.20", "10.0.0.9", "10.0.0.77"


def _assignments() -> AddressAssignments:
    """One machine: under two addresses when the baseline ended, under a third one in the scored time."""

    def lease(address: str, at: datetime) -> dict[str, object]:
        observed, until = microseconds(at), microseconds(at + 2 * DAY)
        return {"address": address, "machine": "laptop-1", "observed_at": observed, "until": until, "is_lease": True}

    rows = [lease(WIRED, START - 2 * DAY), lease(WIRELESS, START - 2 * DAY), lease(NEW, START)]
    return AddressAssignments.of(pa.Table.from_pylist(rows, OBSERVATIONS))


def _metadata(addresses: list[str]) -> pa.Table:
    return pa.table({"host_ip": addresses, "machine_name": ["LAPTOP-1"] * len(addresses)})


@pytest.mark.parametrize("addresses", [[WIRED, WIRELESS], [WIRELESS, WIRED]])
def test_the_first_of_a_machines_addresses_judges_it_once(addresses: list[str]) -> None:
    baseline = pa.table({"host_ip": [WIRELESS, WIRED], "sessions_cnt_median": [9.0, 20.0]})
    of_baseline = MachineHosts(_assignments()).of_baseline(_metadata(addresses), PART)
    judged = of_baseline(baseline).to_pylist()
    now = [row for row in judged if address_of(row["host_ip"]) == NEW]
    assert [row["sessions_cnt_median"] for row in now] == [20.0 if addresses[0] == WIRED else 9.0]


def test_an_address_without_a_machine_judges_itself() -> None:
    metadata = pa.table({"host_ip": ["10.0.0.5"], "machine_name": pa.array([None], pa.string())})
    baseline = pa.table({"host_ip": ["10.0.0.5", "10.0.0.6"], "sessions_cnt_median": [5.0, 6.0]})
    found = MachineHosts(_assignments()).of_baseline(metadata, PART)(baseline)
    assert found.to_pylist() == [{"host_ip": "10.0.0.5", "sessions_cnt_median": 5.0}]


@pytest.mark.parametrize("addresses", [[WIRED, WIRELESS], [WIRELESS, WIRED]])
def test_the_pairs_of_a_machine_count_once(addresses: list[str]) -> None:
    pairs = pa.table({"src_ip": [WIRELESS, WIRED, "203.0.113.9"], "active_days": [9, 20, 1]})
    sources = PairSources(HostKeys(_assignments()), DefaultNetworks())
    found = sources.baseline(pairs, _metadata(addresses)).to_pylist()
    first = 20 if addresses[0] == WIRED else 9
    assert [(row["src_ip"], row["active_days"]) for row in found] == [("@4laptop-1", first), ("203.0.113.9", 1)]
