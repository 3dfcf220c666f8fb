"""Every kind of attack, and the regular and recurring traffic that must not be taken for one."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ndr.contract.time import DAY_MICROSECONDS, microseconds, parse_instant
from ndr.local.traffic.attacks import ALL_KINDS
from ndr.local.traffic.calendar import Calendar
from ndr.local.traffic.connections import STATES, Connections
from ndr.local.traffic.generate import Simulation, simulate

END = datetime(2026, 2, 1, tzinfo=UTC)
DAYS, HOSTS = 22, 24


@pytest.fixture(scope="module")
def attacked() -> Simulation:
    return simulate(DAYS, HOSTS, seed=5, attacks="all")


@pytest.fixture(scope="module")
def clean() -> Simulation:
    return simulate(DAYS, HOSTS, seed=5, attacks="none")


def attack(simulated: Simulation, kind: str) -> dict:
    (found,) = [each for each in simulated.ground_truth["attacks"] if each["kind"] == kind]
    return found


def number(simulated: Simulation, address: str) -> int:
    return int(np.flatnonzero(simulated.network.addresses == address)[0])


def of_attack(simulated: Simulation, kind: str) -> Connections:
    """The connections of the attack's host with its peers and ports, from its first to its last."""
    record, c = attack(simulated, kind), simulated.connections
    first, last = (microseconds(parse_instant(record[name])) for name in ("first", "last"))
    peers = [number(simulated, peer) for peer in record["peer_ips"]]
    of_pair = (c.orig == number(simulated, record["host_ip"])) & np.isin(c.resp, peers)
    return c.take(of_pair & np.isin(c.resp_port, record["peer_ports"]) & (c.start >= first) & (c.start <= last))


def test_every_kind_is_injected_once_and_hosts_are_distinct(attacked, clean):
    records = attacked.ground_truth["attacks"]
    assert [record["kind"] for record in records] == list(ALL_KINDS)
    assert len({record["host_ip"] for record in records}) == len(ALL_KINDS)
    assert clean.ground_truth["attacks"] == []


def test_the_usual_traffic_is_that_of_the_network_without_attacks(attacked, clean):
    injected = sum(record["connections"] for record in attacked.ground_truth["attacks"])
    silent = attack(attacked, "falls_silent")
    c, host = clean.connections, number(clean, silent["host_ip"])
    silenced = np.count_nonzero((c.orig == host) & (c.start >= microseconds(parse_instant(silent["first"]))))
    assert silenced > 50
    lost = len(clean.connections) + injected - len(attacked.connections)
    assert silenced <= lost <= 3 * silenced  # its IPv6 address is silent too


@pytest.mark.parametrize(
    ("kind", "seconds"), [("beacon", (60, 600)), ("slow_beacon", (600, 7_200)), ("six_hour_beacon", (21_600, 21_601))]
)
def test_beacons_have_their_interval_and_jitter(attacked, kind, seconds):
    record, calls = attack(attacked, kind), of_attack(attacked, kind)
    intervals = np.diff(calls.start) / 1e6
    assert seconds[0] <= record["interval_seconds"] <= seconds[1]
    assert np.all(np.abs(intervals / record["interval_seconds"] - 1) <= record["jitter"] + 1e-6)
    assert 0 <= record["jitter"] <= 0.5
    assert calls.start[-1] > microseconds(END) - 2 * record["interval_seconds"] * 1e6


def test_slow_growth_is_a_tenth_a_day(attacked):
    calls = of_attack(attacked, "slow_growth")
    first = attacked.calendar.midnights[-20]
    daily = np.bincount((calls.start - first) // DAY_MICROSECONDS, weights=np.maximum(calls.orig_bytes, 0))
    assert len(daily) == 20
    slope = np.polyfit(np.arange(20), np.log(daily), 1)[0]
    assert abs(slope - np.log(1.1)) < 0.02


def test_the_scan_is_fast_and_wide_and_the_sweep_slow(attacked):
    scan, sweep = of_attack(attacked, "internal_scan"), of_attack(attacked, "smb_sweep")
    assert len(np.unique(scan.resp)) == 200
    assert np.ptp(scan.start) < 41 * 60 * 10**6
    refused = np.isin(scan.state, [STATES.index("S0"), STATES.index("REJ")])
    assert 0.85 < refused.mean() < 0.95
    assert 24 <= len(np.unique(sweep.resp)) <= 36
    assert 3_300e6 * 35 < np.ptp(sweep.start) < 3_900e6 * 36


def test_lateral_movement_uses_admin_ports(attacked):
    record = attack(attacked, "lateral_movement")
    assert record["peer_ports"] == [3389, 5985]
    assert len(record["peer_ips"]) == 8
    assert parse_instant(record["last"]) - parse_instant(record["first"]) < timedelta(hours=4)


def test_the_dormant_server_wakes_and_the_silent_one_has_no_more_traffic(attacked):
    dormant, silent, c = attack(attacked, "dormant_wakes"), attack(attacked, "falls_silent"), attacked.connections
    awake = np.sort(c.start[c.orig == number(attacked, dormant["host_ip"])])
    woke = microseconds(parse_instant(dormant["woke"]))
    before = awake[awake < woke]
    assert len(before) > 100
    assert woke - before.max() > 3 * DAY_MICROSECONDS
    assert np.count_nonzero(awake >= woke) > 80
    host, since = number(attacked, silent["host_ip"]), microseconds(parse_instant(silent["first"]))
    own = c.start[(c.orig == host) | (c.resp == host)]
    assert own.max() < since < microseconds(END) - 3 * DAY_MICROSECONDS
    assert since - own.max() < DAY_MICROSECONDS // 12  # until then it was always on


def test_backups_patches_and_clocks_recur(clean):
    c, server, calendar = clean.connections, clean.network.servers, clean.calendar
    saved = c.take((c.orig == server["db01"]) & (c.resp == server["backup01"]))
    day, at = np.divmod(saved.start - calendar.midnights[0], DAY_MICROSECONDS)
    assert set(day) == set(range(DAYS))
    assert np.ptp(at) < 3_600 * 10**6
    full = calendar.weekday[day] == 5
    assert saved.orig_bytes[full].mean() > 2 * saved.orig_bytes[~full].mean()
    patched = c.take((c.orig == server["db01"]) & (c.resp == server["wsus01"]))
    days = np.unique((patched.start - calendar.midnights[0]) // DAY_MICROSECONDS)
    assert set(days) == set(np.flatnonzero(calendar.is_patch_night)) != set()
    clock = c.take((c.orig == server["dc01"]) & (c.resp == clean.network.resolvers[1]))
    assert np.std(np.diff(np.sort(clock.start))) < 0.01 * 1_024e6


def test_the_company_is_closed_between_the_years_and_patched_after_the_second_and_fourth_tuesday():
    calendar = Calendar.ending(END, 45)
    dates = [calendar.interval.start + timedelta(days=number) for number in range(45)]
    closed = [f"{date:%m-%d}" for date, works in zip(dates, calendar.is_workday, strict=True)
              if date.weekday() < 5 and not works]  # fmt: skip
    assert closed == ["12-24", "12-25", "12-26", "12-29", "12-30", "12-31", "01-01"]
    patched = [f"{date:%m-%d}" for date, is_patched in zip(dates, calendar.is_patch_night, strict=True) if is_patched]
    assert patched == ["12-24", "01-14", "01-28"]


def test_laptops_change_their_address_on_mondays_only(clean):
    leases, weekday = clean.network.laptops, clean.calendar.weekday
    changed = np.any(leases[1:] != leases[:-1], axis=1)
    assert set(np.flatnonzero(changed) + 1) <= set(np.flatnonzero(weekday == 0))
    assert changed.any()
    assert all(len(set(day)) == len(day) for day in leases.tolist())
