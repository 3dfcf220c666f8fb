"""Hosts that are machines: their baselines and scores follow them from address to address.

The oracle is the same traffic in a network in which each machine keeps its address. No flow is near midnight, when the
addresses change hands, so that no window of an hour has two machines.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import (
    FG_B_IP_METADATA,
    FG_B_PROFILE,
    FG_C_HOSTS,
    FG_C_SCORES,
    Dataset,
    fg_b_host,
    fg_b_segment,
)
from ndr.contract.time import DAY, SLICE, Interval, day_text, floor_to, parse_instant
from ndr.jobs.fg_b.targets import Target
from ndr.spark import parts
from ndr.store.catalog import newest_baseline
from ndr.store.publish import read_table
from ndr.store.scan import Scan
from ndr.store.storage import put_bytes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = parse_instant("2026-01-05")
DAYS = Interval(START, START + 11 * DAY)
SCORED = Interval(DAYS.end - 2 * DAY, DAYS.end)
"""By one baseline: on the second day the addresses are other ones than at its end."""
TARGET = Target(SCORED.start, "7d")
LAST = Interval(DAYS.end - DAY, DAYS.end)
HOUR = timedelta(hours=1)
METRICS = ["sessions_cnt", "bytes_sent_sum", "bytes_recv_sum", "deny_cnt", "peer_ip_nunique", "deny_ratio"]
SPECS: dict[str, dict[str, Any]] = {
    "fg_a_builder": {"windows": ["15m", "1h"]},
    "fg_b_builder": {"metrics": METRICS, "support_min": 3},
    "fg_c_builder": {"metrics": METRICS[:4], "windows": ["1h"]},
}
HOSTS = 6
ROTATING = (4, 5)


def fixed_address(machine: int) -> str:
    return f"10.0.0.{machine + 1}"


def rotated_address(machine: int, day: datetime) -> str:
    """Two of the machines change places every day."""
    is_odd = (day - START).days % 2 == 1
    return fixed_address(sum(ROTATING) - machine if is_odd and machine in ROTATING else machine)


def machine_name(machine: int) -> str:
    return f"PC-{machine}"


def flows_of(day: Interval, seed: int) -> list[dict[str, Any]]:
    """Flows of the day from machines, whose number is in the place of their address."""
    busy = Interval(day.start + timedelta(hours=2), day.end - timedelta(hours=2))
    flows = random_flows(busy, 250, seed, HOSTS)
    for flow in flows:
        text = flow["source_ip"]
        flow["source_ip"] = 0 if ":" in text else int(text.rpartition(".")[2])
        # Each machine has a size of its own: a baseline of the wrong machine has other percentiles.
        flow["source_bytes"] = 1000 * 10 ** (flow["source_ip"] % 3) + int(flow["source_bytes"]) % 997
    return flows


def dhcp_log(day: datetime, machines: tuple[int, ...]) -> bytes:
    """Leases of a day at its midnight."""
    records = [
        {
            "ts": day.timestamp(), "mac": f"00:0c:29:00:00:0{machine}", "host_name": machine_name(machine),
            "assigned_addr": rotated_address(machine, day), "lease_time": 86_400.0, "msg_types": ["REQUEST", "ACK"],
        }
        for machine in machines
    ]  # fmt: skip
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def build(project: Project, address_of: Any) -> None:
    """Deliver the traffic and publish its features."""
    for number, day in enumerate(DAYS.steps(DAY)):
        flows = flows_of(day, number)
        project.deliver(day, [flow | {"source_ip": address_of(flow["source_ip"], day.start)} for flow in flows])
    project.fifteen_minute_steps(DAYS)


def with_machines(project: Project) -> None:
    """Say which machine has which address: the inventory of the first day, and the DHCP logs of the others."""
    project.changes["fg_b_builder"] = SPECS["fg_b_builder"] | {
        "host_identity": "machine",
        "inputs": project.uris("fg_a", "pair_counts", "machine_inventory", "dhcp_logs"),
    }
    project.put_jobspecs()
    project.inventory("2026-01", {fixed_address(machine): machine_name(machine) for machine in range(HOSTS)})
    for day in DAYS.steps(DAY):
        put_bytes(f"{project.uri('dhcp_logs')}{day_text(day.start)}/dhcp.log", dhcp_log(day.start, ROTATING))


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("fixed"), dict(SPECS))
    build(project, lambda machine, day: fixed_address(machine))
    project.inventory("2026-01", {fixed_address(machine): machine_name(machine) for machine in range(HOSTS)})
    project.baselines([TARGET])
    project.fg_c(SCORED)
    return project


@pytest.fixture(scope="module")
def rotating(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("rotating"), dict(SPECS))
    build(project, rotated_address)
    with_machines(project)
    project.baselines([TARGET])
    project.fg_c(SCORED)
    return project


@pytest.fixture(scope="module")
def on_spark(rotating: Project, spark: SparkSession) -> Project:
    """The same features on the other engine, in several parts, published below other prefixes."""
    changes = {name: dict(spec) for name, spec in rotating.changes.items()}
    fg_b, fg_c = rotating.uri("fg_b_spark"), rotating.uri("fg_c_spark")
    changes["fg_b_builder"]["outputs"] = {"fg_b": fg_b}
    changes["fg_c_builder"] |= {
        "inputs": rotating.uris("fg_a", "pair_counts") | {"fg_b": fg_b},
        "outputs": {"fg_c": fg_c},
    }
    project = Project(rotating.root, changes, spark=spark)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "SMALLEST_PART", 50)
        project.baselines([TARGET])
        project.fg_c(SCORED)
    return project


@pytest.mark.parametrize(
    "dataset", [fg_b_host(METRICS), fg_b_segment(METRICS), FG_B_IP_METADATA, FG_B_PROFILE], ids=lambda each: each.name
)
def test_both_engines_publish_the_same_baselines(rotating: Project, on_spark: Project, dataset: Dataset) -> None:
    partition = newest_baseline(on_spark.uri("fg_b_spark"), TARGET.horizon, TARGET.end)
    assert partition is not None
    assert len(partition.manifest.tables[dataset.name].files) > 1, "one part shows little of how hosts are spread"
    here, there = baseline_rows(rotating, dataset), baseline_rows(on_spark, dataset, "fg_b_spark")
    assert in_order(there, dataset) == here


@pytest.mark.parametrize("dataset", [FG_C_SCORES, FG_C_HOSTS], ids=lambda each: each.name)
def test_both_engines_publish_the_same_scores(rotating: Project, on_spark: Project, dataset: Dataset) -> None:
    here, there = (
        in_order(Scan.of(project.uri(folder), dataset, SCORED).read().to_pylist(), dataset)
        for project, folder in ((rotating, "fg_c"), (on_spark, "fg_c_spark"))
    )
    assert there == here


def test_a_backfilled_baseline_of_machines_equals_the_regular_one(rotating: Project) -> None:
    datasets = (fg_b_host(METRICS), FG_B_IP_METADATA, FG_B_PROFILE)

    def published(target: Target) -> list[list[dict[str, Any]]]:
        return [baseline_rows(project, dataset, "fg_b_again", target) for dataset in datasets]

    changes = {name: dict(spec) for name, spec in rotating.changes.items()}
    changes["fg_b_builder"]["outputs"] = {"fg_b": rotating.uri("fg_b_again")}
    project = Project(rotating.root, changes)
    targets = [Target(DAYS.end - number * DAY, "7d") for number in range(4)]
    project.baselines(targets)
    backfilled = [published(target) for target in targets]
    assert backfilled[2] == [baseline_rows(rotating, dataset) for dataset in datasets]
    assert backfilled[0] != backfilled[1]
    for target, rows in zip(targets, backfilled, strict=True):
        project.baselines([target])
        assert published(target) == rows


TAKEN = fixed_address(3)
"""An address that a new machine gets at noon of the last day."""


@pytest.fixture(scope="module")
def taken(rotating: Project) -> Project:
    """The last day again, with a lease of a machine that nobody has seen before."""
    changes = {name: dict(spec) for name, spec in rotating.changes.items()}
    logs = {"dhcp_logs": rotating.uri("dhcp_logs_taken")}
    changes["fg_b_builder"]["inputs"] = rotating.uris("fg_a", "pair_counts", "machine_inventory") | logs
    changes["fg_c_builder"]["outputs"] = {"fg_c": rotating.uri("fg_c_taken")}
    project = Project(rotating.root, changes)
    lease = {
        "ts": (LAST.start + 12 * HOUR).timestamp(), "mac": "00:0c:29:00:00:99", "host_name": "unlisted",
        "assigned_addr": TAKEN, "lease_time": 86_400.0, "msg_types": ["DISCOVER", "OFFER", "REQUEST", "ACK"],
    }  # fmt: skip
    for day in DAYS.steps(DAY):
        log = dhcp_log(day.start, ROTATING)
        more = f"{json.dumps(lease)}\n".encode() if day == LAST else b""
        put_bytes(f"{logs['dhcp_logs']}{day_text(day.start)}/dhcp.log", log + more)
    project.fg_c(LAST)
    return project


def test_a_machine_that_took_over_an_address_starts_cold(rotating: Project, taken: Project) -> None:
    before, after = (
        in_order(Scan.of(project.uri(folder), FG_C_SCORES, LAST).read().to_pylist(), FG_C_SCORES)
        for project, folder in ((rotating, "fg_c"), (taken, "fg_c_taken"))
    )
    noon = LAST.start + 12 * HOUR
    late = [row["host_ip"] == TAKEN and row["window_end"] > noon for row in before]
    assert [row for row, is_late in zip(after, late, strict=True) if not is_late] == [
        row for row, is_late in zip(before, late, strict=True) if not is_late
    ]
    judges = [
        (row["judged_by"], other["judged_by"])
        for row, other, is_late in zip(before, after, late, strict=True)
        if is_late
    ]
    assert ("host", "segment") in judges
    assert "host" not in {now for _, now in judges}


def test_it_is_not_silent_for_the_machine_before_it(rotating: Project, taken: Project) -> None:
    silent = [
        {(row["host_ip"], row["window_end"]) for row in hosts if row["is_silent"]}
        for hosts in (
            Scan.of(project.uri(folder), FG_C_HOSTS, LAST).read().to_pylist()
            for project, folder in ((rotating, "fg_c"), (taken, "fg_c_taken"))
        )
    ]
    gone = {key for key in silent[0] if key[0] == TAKEN and key[1] > LAST.start + 12 * HOUR}
    assert silent[1] == silent[0] - gone


def baseline_rows(
    project: Project, dataset: Dataset, folder: str = "fg_b", target: Target = TARGET
) -> list[dict[str, Any]]:
    partition = newest_baseline(project.uri(folder), target.horizon, target.end)
    assert partition is not None
    assert partition.manifest.end == target.end
    rows: list[dict[str, Any]] = read_table(partition.uri, partition.manifest, dataset).to_pylist()
    return rows


def moved(rows: list[dict[str, Any]], dataset: Dataset) -> list[dict[str, Any]]:
    """Rows of the network with fixed addresses under those that their machines have in the other one at the time."""

    def address(row: dict[str, Any]) -> str:
        at = row["window_end"] - SLICE if "window_end" in row else row["baseline_end"]
        of = {fixed_address(machine): rotated_address(machine, floor_to(at, DAY)) for machine in range(HOSTS)}
        return of.get(row["host_ip"], row["host_ip"])

    return in_order([{**row, "host_ip": address(row)} for row in rows], dataset)


def in_order(rows: list[dict[str, Any]], dataset: Dataset) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: [row[name] for name in dataset.key])


@pytest.mark.parametrize("dataset", [fg_b_host(METRICS), FG_B_IP_METADATA, FG_B_PROFILE], ids=lambda each: each.name)
def test_a_baseline_follows_its_machine(fixed: Project, rotating: Project, dataset: Dataset) -> None:
    wanted = moved(baseline_rows(fixed, dataset), dataset)
    assert len(wanted) >= HOSTS
    assert baseline_rows(rotating, dataset) == wanted
    assert baseline_rows(fixed, dataset) != wanted, "the addresses are the same: nothing is shown"


def test_baselines_of_segments_are_those_of_the_addresses(fixed: Project, rotating: Project) -> None:
    dataset = fg_b_segment(METRICS)
    assert baseline_rows(rotating, dataset) == baseline_rows(fixed, dataset)


@pytest.mark.parametrize("dataset", [FG_C_SCORES, FG_C_HOSTS], ids=lambda each: each.name)
def test_scores_of_a_machine_are_those_of_its_own_baseline(fixed: Project, rotating: Project, dataset: Dataset) -> None:
    found, rows = (Scan.of(each.uri("fg_c"), dataset, SCORED).read().to_pylist() for each in (rotating, fixed))
    wanted = moved(rows, dataset)
    assert len(wanted) > 50
    assert any(row["judged_by"] == "host" for row in wanted)
    assert in_order(found, dataset) == wanted
