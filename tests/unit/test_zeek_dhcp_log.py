from __future__ import annotations

import json
from typing import Any

import pytest

from ndr.sources.zeek.dhcp import dhcp_records

HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdhcp\n"
    "#fields\tts\tuids\tclient_addr\tserver_addr\tmac\thost_name\tclient_fqdn\tdomain\trequested_addr\tassigned_addr\t"
    "lease_time\tclient_message\tserver_message\tmsg_types\tduration\n"
    "#types\ttime\tset[string]\taddr\taddr\tstring\tstring\tstring\tstring\taddr\taddr\tinterval\tstring\tstring\t"
    "vector[string]\tinterval\n"
)
LEASE = {
    "ts": 1767225600.25, "uids": ["CmWOt6VWaNGqXYcH6", "CLObLo4YHn0u23Tp8a"], "client_addr": "10.20.60.5",
    "server_addr": "10.20.0.1", "mac": "00:0C:29:AA:BB:CC", "host_name": "LT-001", "requested_addr": "10.20.60.4",
    "assigned_addr": "10.20.60.5", "lease_time": 3600.0, "msg_types": ["DISCOVER", "OFFER", "REQUEST", "ACK"],
    "duration": 0.1,
}  # fmt: skip
RELEASE = {"ts": 1767227400.0, "client_addr": "10.20.60.5", "mac": "00:0c:29:aa:bb:cc", "msg_types": ["RELEASE"]}
WANTED = [
    {
        "address": "10.20.60.5", "mac": "00:0c:29:aa:bb:cc", "host_name": "LT-001",
        "observed_at": 1767225600250000, "until": 1767229200250000,
    },
    {
        "address": "10.20.60.5", "mac": "00:0c:29:aa:bb:cc", "host_name": None,
        "observed_at": 1767227400000000, "until": 1767227400000000,
    },
]  # fmt: skip


def _json(*records: dict[str, Any]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def _separated(*records: dict[str, Any]) -> bytes:
    names = next(line for line in HEADER.splitlines() if line.startswith("#fields")).split("\t")[1:]

    def text(value: Any) -> str:
        return "-" if value is None else ",".join(value) if isinstance(value, list) else str(value)

    return (HEADER + "".join("\t".join(text(r.get(name)) for name in names) + "\n" for r in records)).encode()


@pytest.mark.parametrize("written", [_json, _separated])
def test_leases_and_releases_are_read_from_both_forms(written: Any) -> None:
    assert dhcp_records(written(LEASE, RELEASE)).to_pylist() == WANTED


def test_times_in_iso_8601_are_read() -> None:
    spelled = [LEASE | {"ts": "2026-01-01T00:00:00.250000Z"}, RELEASE | {"ts": "2026-01-01T00:30:00Z"}]
    assert dhcp_records(_json(*spelled)).to_pylist() == WANTED


@pytest.mark.parametrize(
    "record",
    [
        LEASE | {"msg_types": ["DISCOVER", "OFFER"]},
        LEASE | {"msg_types": ["INFORM", "ACK"], "assigned_addr": None},
        LEASE | {"msg_types": ["REQUEST", "NAK"]},
        LEASE | {"mac": None},
        LEASE | {"lease_time": None},
        LEASE | {"ts": "yesterday"},
        RELEASE | {"client_addr": None},
    ],
    ids=["offer", "inform", "nak", "no mac", "no lease time", "no time", "no address"],
)
@pytest.mark.parametrize("written", [_json, _separated])
def test_what_tells_no_lease_is_left_out(written: Any, record: dict[str, Any]) -> None:
    assert dhcp_records(written(record, LEASE)).to_pylist() == WANTED[:1]


def test_a_line_that_is_cut_off_is_left_out() -> None:
    assert dhcp_records(_json(LEASE) + b'{"ts": 1767225600.25, "ma').to_pylist() == WANTED[:1]
    assert dhcp_records(_separated(LEASE) + b"1767225600.25\tCm").to_pylist() == WANTED[:1]
    assert dhcp_records(b"").num_rows == 0
