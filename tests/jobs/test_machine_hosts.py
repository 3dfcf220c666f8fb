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
    FG_A,
    FG_A_MACHINES,
    FG_B_IP_METADATA,
    FG_B_PAIR_HOST,
    FG_B_PAIR_SEGMENT,
    FG_B_PEER_HISTORY,
    FG_B_PROFILE,
    FG_C_HOSTS,
    FG_C_PAIRS,
    FG_C_SCORES,
    OUTBOUND,
    Dataset,
    fg_b_host,
    fg_b_segment,
)
from ndr.contract.jobspecs import JobSpecs, read_jobspec
from ndr.contract.manifest import Owner
from ndr.contract.time import DAY, SLICE, Interval, day_text, floor_to, parse_instant
from ndr.findings import FindingsPlace, newest_findings
from ndr.findings.machines import last_names, names_of
from ndr.jobs.fg_b.late_leases import baselines_of_other_leases
from ndr.jobs.fg_b.targets import Target
from ndr.read import Place, read
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
LONG = Target(DAYS.end - 3 * DAY, "30d")
"""Where the features of the last day begin to look for the peers of a host."""
HOUR = timedelta(hours=1)
METRICS = ["sessions_cnt", "bytes_sent_sum", "bytes_recv_sum", "deny_cnt", "peer_ip_nunique", "deny_ratio"]
SPECS: dict[str, dict[str, Any]] = {
    "fg_a_builder": {"windows": ["15m", "1h"]},
    "fg_b_builder": {"metrics": METRICS, "support_min": 3, "min_coverage": 0.2},
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
    with_machines(project)
    build(project, rotated_address)
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
    changes["fg_a_builder"] |= {
        "inputs": rotating.uris("deltas") | {"fg_b": fg_b},
        "outputs": {"fg_a": rotating.uri("fg_a_spark")},
    }
    project = Project(rotating.root, changes, spark=spark)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "SMALLEST_PART", 50)
        project.baselines([TARGET])
        project.fg_c(SCORED)
        project.baselines([LONG])
        project.fg_a(SCORED)
    return project


@pytest.fixture(scope="module")
def with_history(rotating: Project) -> Project:
    """The features of the last days again, whose novelty begins with the history of peers of a baseline."""
    changes = {name: dict(spec) for name, spec in rotating.changes.items()}
    changes["fg_b_builder"]["outputs"] = {"fg_b": rotating.uri("fg_b_long")}
    changes["fg_a_builder"] |= {
        "inputs": rotating.uris("deltas") | {"fg_b": rotating.uri("fg_b_long")},
        "outputs": {"fg_a": rotating.uri("fg_a_again")},
    }
    project = Project(rotating.root, changes)
    project.baselines([LONG])
    return project


TABLES = [
    *(fg_b_host(METRICS), fg_b_segment(METRICS), FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT),
    *(FG_B_IP_METADATA, FG_B_PROFILE),
]


@pytest.mark.parametrize("dataset", TABLES, ids=lambda each: each.name)
def test_both_engines_publish_the_same_baselines(rotating: Project, on_spark: Project, dataset: Dataset) -> None:
    partition = newest_baseline(on_spark.uri("fg_b_spark"), TARGET.horizon, TARGET.end)
    assert partition is not None
    assert len(partition.manifest.tables[dataset.name].files) > 1, "one part shows little of how hosts are spread"
    here, there = baseline_rows(rotating, dataset), baseline_rows(on_spark, dataset, "fg_b_spark")
    assert in_order(there, dataset) == here


def test_both_engines_publish_the_same_peers_of_machines(with_history: Project, on_spark: Project) -> None:
    here = baseline_rows(with_history, FG_B_PEER_HISTORY, "fg_b_long", LONG)
    there = baseline_rows(on_spark, FG_B_PEER_HISTORY, "fg_b_spark", LONG)
    assert {row["host"] for row in here} > {f"@4pc-{machine}" for machine in range(1, HOSTS)}
    assert in_order(there, FG_B_PEER_HISTORY) == here


def test_both_engines_publish_the_same_features(rotating: Project, on_spark: Project) -> None:
    manifests = Scan.of(on_spark.uri("fg_a_spark"), FG_A, SCORED).pieces
    here, there = (
        in_order(Scan.of(project.uri(folder), FG_A, SCORED).read().to_pylist(), FG_A)
        for project, folder in ((rotating, "fg_a"), (on_spark, "fg_a_spark"))
    )
    assert any("horizon=30d" in each.uri for piece in manifests for each in piece.partition.manifest.inputs)
    assert there == here


def test_new_peers_do_not_depend_on_where_the_history_of_a_machine_is_from(
    rotating: Project, with_history: Project
) -> None:
    manifest = with_history.fg_a(SCORED)[0]
    assert any("horizon=30d" in each.uri for each in manifest.inputs)
    again, before = (
        Scan.of(rotating.uri(folder), FG_A, SCORED).read().sort_by([(name, "ascending") for name in FG_A.key])
        for folder in ("fg_a_again", "fg_a")
    )
    assert again.equals(before)


@pytest.mark.parametrize("dataset", [FG_C_SCORES, FG_C_HOSTS, FG_C_PAIRS], ids=lambda each: each.name)
def test_both_engines_publish_the_same_scores(rotating: Project, on_spark: Project, dataset: Dataset) -> None:
    here, there = (
        in_order(Scan.of(project.uri(folder), dataset, SCORED).read().to_pylist(), dataset)
        for project, folder in ((rotating, "fg_c"), (on_spark, "fg_c_spark"))
    )
    assert there == here


def test_a_backfilled_baseline_of_machines_equals_the_regular_one(rotating: Project) -> None:
    datasets = (fg_b_host(METRICS), FG_B_PAIR_HOST, FG_B_IP_METADATA, FG_B_PROFILE)

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


@pytest.fixture
def late(rotating: Project) -> Project:
    """The same deltas, to be built with other copies of the DHCP logs below other prefixes."""
    changes = {name: dict(spec) for name, spec in rotating.changes.items()}
    logs = rotating.uri("dhcp_logs_late")
    for day in DAYS.steps(DAY):
        put_bytes(f"{logs}{day_text(day.start)}/dhcp.log", dhcp_log(day.start, ROTATING))
    inputs = rotating.uris("fg_a", "pair_counts", "machine_inventory") | {"dhcp_logs": logs}
    changes["fg_b_builder"] |= {"inputs": inputs, "outputs": {"fg_b": rotating.uri("fg_b_late")}}
    changes["fg_a_builder"] |= {
        "inputs": {"deltas": rotating.uri("deltas"), "fg_b": rotating.uri("fg_b_late")},
        "outputs": {"fg_a": rotating.uri("fg_a_late")},
    }
    return Project(rotating.root, changes)


def lease_of_pc_1(project: Project, at: datetime) -> None:
    """Deliver a log that says that PC-1 took over the address of PC-2."""
    lease = {"ts": at.timestamp(), "mac": "00:0c:29:00:00:01", "host_name": "pc-1", "lease_time": 3600.0,
             "assigned_addr": fixed_address(2), "msg_types": ["ACK"]}  # fmt: skip
    logs = project.spec("fg_b_builder").inputs.dhcp_logs
    put_bytes(f"{logs}{day_text(at)}/dhcp.late.log", json.dumps(lease).encode())


def test_a_late_log_repairs_the_features_of_the_last_day(late: Project) -> None:
    first, last = Interval(LAST.start, LAST.end - 2 * SLICE), Interval(LAST.end - SLICE, LAST.end)
    late.fg_a(first)
    assert [each.interval for each in late.fg_a(Interval(first.end, last.start))] == [Interval(first.end, last.start)]
    lease_of_pc_1(late, LAST.start + 6 * HOUR)
    repaired = [each.interval for each in late.fg_a(last)]
    assert repaired == [last, Interval(LAST.start, last.start)]
    rows = Scan.of(late.uri("fg_a_late"), FG_A_MACHINES, LAST).read().to_pylist()
    names = {row["machine_name"] for row in rows if row["host_ip"] == fixed_address(2)}
    assert names == {machine_name(2), machine_name(1), None}


def test_a_late_log_makes_the_baselines_stale_that_it_reaches(late: Project) -> None:
    targets = [Target(TARGET.end - DAY, "7d"), TARGET]
    late.baselines(targets)
    spec, end = late.spec("fg_b_builder"), TARGET.end + DAY
    assert list(baselines_of_other_leases(spec, end)) == []
    lease_of_pc_1(late, TARGET.end - 6 * HOUR)
    assert list(baselines_of_other_leases(spec, end)) == [TARGET]
    late.baselines([TARGET])
    assert list(baselines_of_other_leases(spec, end)) == []


def jobspecs_of(project: Project) -> JobSpecs:
    names = ("delta_builder", "fg_a_builder", "pair_counts_builder", "fg_b_builder", "fg_c_builder",
             "machine_inventory_unload", "networks")  # fmt: skip
    return JobSpecs({name: read_jobspec(project.table, "ndr-test", name, "v1") for name in names})


def name_at(address: str, window_end: datetime) -> str | None:
    """The machine of an address in the last slice of a window."""
    day = floor_to(window_end - SLICE, DAY)
    names = {rotated_address(machine, day): machine_name(machine) for machine in range(HOSTS)}
    return names.get(address)


def test_features_are_joined_with_the_baseline_of_the_machine_that_had_the_address(
    fixed: Project, rotating: Project
) -> None:
    columns = [*FG_A.key, "baseline_horizon", "baseline_end", "sessions_cnt_median"]
    found, rows = (
        read("fg_a_with_baseline", SCORED.start, SCORED.end, [*columns, *more], horizon="7d",
             place=Place(jobspecs_of(project))).arrow().to_pylist()
        for project, more in ((rotating, ["machine_name"]), (fixed, []))
    )  # fmt: skip
    wanted = [
        row | {"machine_name": name_at(row["host_ip"], row["window_end"])}
        for row in moved([row for row in rows if row["role"] == OUTBOUND], FG_A)
    ]
    assert {row["machine_name"] for row in wanted} >= {machine_name(machine) for machine in ROTATING}
    assert any(row["sessions_cnt_median"] for row in wanted if row["machine_name"] == machine_name(ROTATING[0]))
    assert in_order([row for row in found if row["role"] == OUTBOUND], FG_A) == wanted


def test_findings_name_the_machine_that_had_the_address(rotating: Project) -> None:
    jobspecs = jobspecs_of(rotating)
    rows = Scan.of(rotating.uri("fg_a"), FG_A, SCORED, ["host_ip", "window_end"]).read().to_pylist()
    names = names_of(FindingsPlace.of(jobspecs), SCORED, {row["host_ip"] for row in rows})
    for row in rows:
        assert names(row["host_ip"], row["window_end"]) == name_at(row["host_ip"], row["window_end"])
    found = newest_findings(jobspecs, 1000)
    assert found.hosts
    for each in found.all:
        assert each.machine_name == name_at(str(each.entity[0]), each.window_end)


def test_the_report_names_the_last_machine_of_an_address(rotating: Project) -> None:
    names = last_names(rotating.uri("fg_a"), Owner("ndr-test", "v1"), LAST)
    assert names == {rotated_address(machine, LAST.start): machine_name(machine) for machine in range(HOSTS)}


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
    column = "host_ip" if "host_ip" in dataset.column_names else "src_ip"

    def changed(row: dict[str, Any]) -> dict[str, Any]:
        at = row["window_end"] - SLICE if "window_end" in row else row["baseline_end"]
        of = {fixed_address(machine): rotated_address(machine, floor_to(at, DAY)) for machine in range(HOSTS)}
        address = of.get(row[column], row[column])
        told = row.get("sentence") if dataset is FG_C_PAIRS else None
        return {**row, column: address} | ({"sentence": told.replace(row[column], address, 1)} if told else {})

    return in_order([changed(row) for row in rows], dataset)


def in_order(rows: list[dict[str, Any]], dataset: Dataset) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: [row[name] for name in dataset.key])


@pytest.mark.parametrize(
    "dataset",
    [fg_b_host(METRICS), FG_B_PAIR_HOST, FG_B_IP_METADATA, FG_B_PROFILE],
    ids=lambda each: each.name,
)
def test_a_baseline_follows_its_machine(fixed: Project, rotating: Project, dataset: Dataset) -> None:
    wanted = moved(baseline_rows(fixed, dataset), dataset)
    assert len(wanted) >= HOSTS
    assert baseline_rows(rotating, dataset) == wanted
    assert baseline_rows(fixed, dataset) != wanted, "the addresses are the same: nothing is shown"


def test_new_peers_are_new_to_the_machine(fixed: Project, rotating: Project) -> None:
    def of_sources(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in rows if row["role"] == OUTBOUND]

    found, rows = (of_sources(Scan.of(each.uri("fg_a"), FG_A, DAYS).read().to_pylist()) for each in (rotating, fixed))
    wanted = moved(rows, FG_A)
    assert any(row["new_peer_cnt"] for row in wanted)
    assert in_order(found, FG_A) == wanted


@pytest.mark.parametrize("dataset", [fg_b_segment(METRICS), FG_B_PAIR_SEGMENT], ids=lambda each: each.name)
def test_baselines_of_segments_are_those_of_the_addresses(fixed: Project, rotating: Project, dataset: Dataset) -> None:
    assert baseline_rows(rotating, dataset) == baseline_rows(fixed, dataset)


@pytest.mark.parametrize("dataset", [FG_C_SCORES, FG_C_HOSTS, FG_C_PAIRS], ids=lambda each: each.name)
def test_scores_of_a_machine_are_those_of_its_own_baseline(fixed: Project, rotating: Project, dataset: Dataset) -> None:
    found, rows = (Scan.of(each.uri("fg_c"), dataset, SCORED).read().to_pylist() for each in (rotating, fixed))
    wanted = moved(rows, dataset)
    assert len(wanted) > 50
    assert dataset is FG_C_PAIRS or any(row["judged_by"] == "host" for row in wanted)
    assert in_order(found, dataset) == wanted
