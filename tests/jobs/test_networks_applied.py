"""The JobSpec `networks` where the jobs apply it: internal hosts, outside peers, excluded addresses."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.job_chain import EVERYWHERE, Project

from ndr.contract.datasets import FG_A, FG_B_IP_METADATA, FG_B_PAIR_HOST, fg_b_host
from ndr.contract.jobspecs import FG_A_BUILDER, FG_B_BUILDER
from ndr.contract.networks import INTERNAL
from ndr.contract.time import SLICE, Interval, parse_instant
from ndr.jobs.fg_b.targets import Target
from ndr.store.catalog import newest_baseline
from ndr.store.publish import read_table
from ndr.store.scan import Scan

START = parse_instant("2026-01-05T10:00:00Z")
BATCH = Interval(START, START + SLICE)
SCANNER = "203.0.113.66"
DEFAULTS = {"networks": {"internal": INTERNAL}}


def _flow(source: str, destination: str, port: int = 443, at: datetime = START, **other: Any) -> dict[str, Any]:
    return {
        "source_ip": source, "source_port": 50_000, "destination_ip": destination, "destination_port": port,
        "source_bytes": 100, "destination_bytes": 200, "event_start": at.timestamp(), "event_end": at.timestamp() + 1,
        "event_action": "allow", "event_name": "TRAFFIC", "event_reason": "tcp-fin", "network_transport": "tcp",
        **other,
    }  # fmt: skip


def _fg_a(project: Project, flows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    project.deliver(BATCH, flows)
    project.fifteen_minute_steps(BATCH)
    return Scan.of(project.uri("fg_a"), FG_A, BATCH).read().to_pylist()


def test_an_outside_scanner_is_a_peer_without_rows_of_its_own(tmp_path: Path) -> None:
    targets = [f"10.0.{number // 100}.{number % 100}" for number in range(1000)]
    denied = {"event_action": "deny", "destination_bytes": 0}
    rows = _fg_a(Project(tmp_path, DEFAULTS), [_flow(SCANNER, target, 445, **denied) for target in targets])
    assert {row["host_ip"] for row in rows} == set(targets)
    assert {(row["role"], row["deny_cnt"], row["peer_ip_nunique"]) for row in rows} == {("inbound", 1, 1)}


def test_excluded_addresses_are_neither_hosts_nor_peers(tmp_path: Path) -> None:
    flows = [
        _flow("0.0.0.0", "255.255.255.255", 67, network_transport="udp"),
        _flow("10.0.0.5", "239.255.255.250", 1900, network_transport="udp"),
        _flow("10.0.0.6", "ff02::fb", 5353, network_transport="udp"),
        _flow("10.0.0.6", "192.0.2.9"),
        _flow("10.9.0.1", "10.0.0.6"),
    ]
    changes = {"networks": {"internal": INTERNAL, "excluded": {"load_balancer": ["10.9.0.1/32"]}}}
    rows = [row for row in _fg_a(Project(tmp_path, changes), flows) if row["window_label"] == "15m"]
    peers = ("peer_ip_nunique", "peer_port_nunique", "peer_segment_nunique", "new_peer_cnt", "new_pair_cnt")
    found = {(row["host_ip"], row["role"]): [row[name] for name in peers] for row in rows}
    assert found == {
        ("10.0.0.5", "outbound"): [0] * 5,  # the sessions of an excluded peer count in sums, and the peer nowhere
        ("10.0.0.6", "outbound"): [1] * 5,
        ("10.0.0.6", "inbound"): [0] * 5,
    }
    (alone,) = [row for row in rows if row["host_ip"] == "10.0.0.5"]
    shares = [alone[f"peer_{name}_top1_sessions_share"] for name in ("ip", "port", "segment")]
    assert (alone["sessions_cnt"], alone["peer_ip_entropy"], shares) == (1, 0.0, [None] * 3)


def test_networks_that_change_hold_for_the_next_baseline(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """FG-A was published with every address as a host. The baseline of narrower networks has internal hosts only."""
    table_of = fg_b_host(["sessions_cnt"])
    spec = {"metrics": ["sessions_cnt"], "capping": {"key_metrics": ["sessions_cnt"]}, "min_coverage": 0.0}
    wide = Project(tmp_path, {FG_B_BUILDER: spec, FG_A_BUILDER: {"windows": ["15m"]}})
    assert wide.run(FG_B_BUILDER).networks().internal == {"all": tuple(EVERYWHERE)}
    rows = _fg_a(wide, _mixed_flows())
    assert {row["host_ip"] for row in rows} == {
        "10.0.0.5",
        "10.0.0.6",
        "192.0.2.9",
        SCANNER,
        "198.51.100.1",
        "198.51.100.2",
    }
    narrow = Project(tmp_path, {**wide.changes, **DEFAULTS})
    target = Target(parse_instant("2026-01-06"), "7d")
    caplog.clear()
    narrow.baselines([target])
    (logged,) = [vars(record)["networks"] for record in caplog.records if record.message == "networks"]
    assert logged["internal"] == {name: list(networks) for name, networks in INTERNAL.items()}
    partition = newest_baseline(narrow.uri("fg_b"), "7d", target.end)
    assert partition is not None
    read = {each.name: read_table(partition.uri, partition.manifest, each).to_pylist()
            for each in (table_of, FG_B_PAIR_HOST, FG_B_IP_METADATA)}  # fmt: skip
    assert {row["host_ip"] for row in read["host"]} == {"10.0.0.5", "10.0.0.6"}
    assert {row["host_ip"] for row in read["ip_metadata"]} == {"10.0.0.5", "10.0.0.6"}
    pairs = {(row["src_ip"], row["dst_ip"]) for row in read["pair_host"]}
    assert pairs == {("10.0.0.5", "192.0.2.9"), (SCANNER, "10.0.0.6")}
    narrow.fg_a(BATCH)
    internal = [row for row in rows if row["host_ip"] in ("10.0.0.5", "10.0.0.6")]
    assert Scan.of(narrow.uri("fg_a"), FG_A, BATCH).read().to_pylist() == internal


def _mixed_flows() -> list[dict[str, Any]]:
    return [
        _flow("10.0.0.5", "192.0.2.9"),
        _flow(SCANNER, "10.0.0.6"),
        _flow("198.51.100.1", "198.51.100.2"),
        _flow("10.0.0.5", "239.1.1.1"),
    ]


def test_features_without_a_host_say_which_networks_were_looked_for(tmp_path: Path) -> None:
    project = Project(tmp_path, {"networks": {"internal": {"lab": ["10.7.0.0/16"]}}})
    project.deliver(BATCH, _mixed_flows())
    project.deltas(BATCH)
    (published,) = project.fg_a(BATCH)
    assert published.note is not None
    assert published.note.startswith("No host of the sessions is internal: networks.internal is 10.7.0.0/16. Write ")


def test_a_project_without_the_jobspec_has_the_defaults(tmp_path: Path) -> None:
    project = Project(tmp_path)
    del project.table.items["ndr-test", "networks#v1"]
    assert project.run(FG_A_BUILDER).networks().internal == INTERNAL
    assert {row["host_ip"] for row in _fg_a(project, _mixed_flows())} == {"10.0.0.5", "10.0.0.6"}
