from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.manifest import InputEntry
from ndr.contract.time import DAY, Interval, day_text, instant_of, parse_instant
from ndr.jobs.fg_b.machine_hosts import MachineHosts
from ndr.jobs.host_identity.assignments import BEGINNING, FOREVER
from ndr.jobs.host_identity.dhcp_logs import LEASE_REACH
from ndr.jobs.host_identity.machines import InventoryOf, Machines
from ndr.jobs.inventory.snapshot import Snapshot, no_inventory

SPAN = Interval(parse_instant("2026-01-20"), parse_instant("2026-03-02"))
MACHINES = pa.schema([("ip_address", pa.string()), ("machine_name", pa.string())])


def _spec(logs: Path | None = None, identity: str = "machine") -> FgBBuilderSpec:
    inputs = {name: f"file:///{name}/" for name in ("fg_a", "pair_counts", "machine_inventory")}
    inputs |= {"dhcp_logs": logs.as_uri()} if logs else {}
    return FgBBuilderSpec.model_validate(
        {"inputs": inputs, "outputs": {"fg_b": "file:///fg_b/"}, "host_identity": identity}
    )


def _inventory(months: dict[str, dict[str, str | None]]) -> InventoryOf:
    def newest(month: str) -> Snapshot:
        found = max((each for each in months if each <= month), default=None)
        if found is None:
            return no_inventory(month)
        table = pa.table([list(months[found]), list(months[found].values())], schema=MACHINES)
        return Snapshot(table, found, InputEntry(uri=f"file:///machine_inventory/snapshot_month={found}"), None)

    return newest


def _log(folder: Path, *records: dict[str, Any], name: str = "dhcp.log") -> None:
    for record in records:
        path = folder / day_text(instant_of(int(record["ts"] * 1e6))) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.exists() else b""
        line = json.dumps(record).encode() + b"\n"
        path.write_bytes(before + (gzip.compress(line) if name.endswith(".gz") else line))


def _lease(at: datetime, address: str, mac: str, name: str | None = None, hours: float = 24) -> dict[str, Any]:
    lease = {
        "ts": at.timestamp(),
        "assigned_addr": address,
        "mac": mac,
        "lease_time": hours * 3600,
        "msg_types": ["ACK"],
    }
    return lease | ({"host_name": name} if name else {})


def _listed(machines: Machines | None) -> list[tuple[str, str, datetime | None, datetime | None]]:
    assert machines is not None
    found = machines.assignments
    columns = (found.address.tolist(), found.machine.tolist(), found.starts.tolist(), found.ends.tolist())
    return [
        (
            found.addresses[address],
            machines.name(found.machines[machine]),
            None if start == BEGINNING else instant_of(start),
            None if end == FOREVER else instant_of(end),
        )
        for address, machine, start, end in zip(*columns, strict=True)
    ]


def test_hosts_that_are_addresses_need_no_machines() -> None:
    assert Machines.over(_spec(identity="address"), SPAN, _inventory({"2026-01": {"10.0.0.1": "PC-1"}})) is None


def test_an_assignment_is_valid_from_the_month_of_its_snapshot_to_that_of_the_next_machine() -> None:
    months = {
        "2025-12": {"10.0.0.9": "PC-9"},
        "2026-01": {"10.0.0.1": "PC-1", "10.0.0.2": "PC-2", "10.0.0.3": "PC-3"},
        "2026-02": {"10.0.0.1": "PC-2", "10.0.0.2": "PC-2", "10.0.0.4": None},
    }
    february = parse_instant("2026-02-01")
    machines = Machines.over(_spec(), SPAN, _inventory(months))
    assert _listed(machines) == [
        ("10.0.0.1", "PC-1", None, february),
        ("10.0.0.1", "PC-2", february, None),
        ("10.0.0.2", "PC-2", None, None),
        ("10.0.0.3", "PC-3", None, february),
    ]
    assert machines is not None
    assert [entry.uri[-7:] for entry in machines.inputs] == ["2026-01", "2026-02"]


def test_a_client_is_the_machine_of_its_name_and_otherwise_its_mac_address(tmp_path: Path) -> None:
    at = SPAN.start
    _log(
        tmp_path,
        _lease(at, "10.0.0.1", "02:00:00:00:00:01", "pc-1.", 1),
        _lease(at, "10.0.0.2", "02:00:00:00:00:02", "PC-2", 1),
        _lease(at + timedelta(minutes=30), "10.0.0.2", "02:00:00:00:00:02", None, 1),
        _lease(at, "10.0.0.3", "02:00:00:00:00:03", "phone", 1),
    )
    machines = Machines.over(_spec(tmp_path), SPAN, _inventory({"2026-01": {"10.0.9.9": "Pc-2"}}))
    assert _listed(machines)[:3] == [
        ("10.0.0.1", "02:00:00:00:00:01", at, at + timedelta(hours=1)),
        ("10.0.0.2", "Pc-2", at, at + timedelta(minutes=90)),
        ("10.0.0.3", "02:00:00:00:00:03", at, at + timedelta(hours=1)),
    ]


def test_logs_of_the_days_before_are_read_as_far_as_leases_reach(tmp_path: Path) -> None:
    first = SPAN.start - LEASE_REACH
    _log(tmp_path, _lease(first, "10.0.0.1", "02:00:00:00:00:01", hours=240), name="dhcp.00:00:00-01:00:00.log.gz")
    _log(tmp_path, _lease(first - 3 * DAY, "10.0.0.2", "02:00:00:00:00:02", hours=2400))
    _log(tmp_path, _lease(first, "10.0.0.3", "02:00:00:00:00:03"), name="conn.log")
    (tmp_path / "current").mkdir()
    machines = Machines.over(_spec(tmp_path), SPAN, no_inventory)
    assert [address for address, *_ in _listed(machines)] == ["10.0.0.1"]


def test_without_logs_or_inventory_nothing_is_known(tmp_path: Path) -> None:
    assert _listed(Machines.over(_spec(tmp_path / "absent"), SPAN, no_inventory)) == []


@pytest.fixture
def hosts(tmp_path: Path) -> MachineHosts:
    """pc-1 has two addresses; pc-2 moved on; pc-3 has none and its last one is free; pc-4's last one is taken."""
    at = SPAN.start
    _log(
        tmp_path,
        _lease(at, "10.0.0.1", "01", hours=1000),
        _lease(at, "10.0.0.2", "01", hours=1000),
        _lease(at, "2001:db8::1", "01", hours=1000),
        _lease(at, "10.0.0.3", "02", hours=1),
        _lease(at + DAY, "10.0.0.4", "02", hours=1000),
        _lease(at, "10.0.0.5", "03", hours=1),
        _lease(at, "10.0.0.6", "04", hours=1),
        _lease(at + DAY, "10.0.0.6", "05", hours=1000),
    )
    machines = Machines.over(_spec(tmp_path), SPAN, no_inventory)
    assert machines is not None
    return MachineHosts(machines)


def test_a_baseline_is_published_under_the_addresses_that_its_machine_has(hosts: MachineHosts) -> None:
    keys = ["@401", "@601", "@402", "@403", "@404", "@405", "10.0.0.3", "10.0.0.6", "10.0.0.9"]
    table = hosts.addressed(pa.table({"host_ip": keys, "of": keys}), SPAN.start + 7 * DAY)
    assert sorted(zip(table["host_ip"].to_pylist(), table["of"].to_pylist(), strict=True)) == [
        ("10.0.0.1", "@401"),
        ("10.0.0.2", "@401"),
        ("10.0.0.3", "10.0.0.3"),
        ("10.0.0.4", "@402"),
        ("10.0.0.5", "@403"),
        ("10.0.0.6", "@405"),
        ("10.0.0.9", "10.0.0.9"),
        ("2001:db8::1", "@601"),
    ]
    known = hosts.known(SPAN.start + 7 * DAY)
    assert dict(zip(known["ip_address"].to_pylist(), known["machine_name"].to_pylist(), strict=True)) == {
        "@401": "01", "@402": "02", "@403": "03", "@405": "05", "@601": "01",
    }  # fmt: skip


def test_rows_are_of_the_machine_that_had_the_address_in_the_whole_window(hosts: MachineHosts) -> None:
    at = SPAN.start
    rows = [
        ("10.0.0.1", "1h", at, "10.0.0.1"),
        ("10.0.0.1", "1h", at + timedelta(minutes=45), None),
        ("10.0.0.1", "15m", at + timedelta(minutes=45), "@401"),
        ("10.0.0.2", "1h", at + timedelta(hours=1), "@401"),
        ("2001:db8::1", "24h", at + 2 * DAY, "@601"),
        ("10.0.0.3", "15m", at + timedelta(hours=1, minutes=15), "10.0.0.3"),
        ("10.0.0.6", "15m", at + DAY + timedelta(minutes=15), "@405"),
        ("10.0.0.6", "24h", at + DAY + timedelta(minutes=15), None),
        ("10.0.0.7", "24h", at + 2 * DAY, "10.0.0.7"),
    ]
    ends = pa.array([end for _, _, end, _ in rows], pa.timestamp("us", "UTC"))
    table = pa.table({"host_ip": [a for a, *_ in rows], "window_label": [w for _, w, *_ in rows], "window_end": ends})
    keyed = hosts.keyed_table(table)
    assert keyed["host_ip"].to_pylist() == [key for *_, key in rows if key]
