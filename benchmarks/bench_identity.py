"""False host alarms in a network of which 30 % of the addresses change their machine every day.

    PYTHONPATH=. python benchmarks/bench_identity.py [seed]

A generated network without attacks: PCs, phones, cameras, signage, probes and sensors, of which 30 % share a pool of
addresses and pass them on at each midnight. The same features get baselines and scores twice: with hosts that are
addresses, and with hosts that are machines by the inventory and the DHCP logs. An alarm is a host that is a finding on
a UTC day: the score decides, no p value. JSON lines: one for each of the two, last the ratio.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from tests.jobs.job_chain import Project

from benchmarks.identity.network import NETWORK, addresses_on, dhcp_log, flows_of, machines_of
from ndr.contract.datasets import FG_C_HOSTS, SCORED_METRICS, SCORED_WINDOWS
from ndr.contract.jobspecs.fg_b_builder import HostIdentity
from ndr.contract.manifest import Manifest
from ndr.contract.time import (
    DAY,
    DAY_MICROSECONDS,
    SLICE_MICROSECONDS,
    WINDOWS,
    Interval,
    day_text,
    mini_batch_id,
    month_text,
    parse_instant,
)
from ndr.findings.scored import are_findings
from ndr.jobs.fg_b.targets import Target
from ndr.store.scan import Scan
from ndr.store.storage import put_bytes

ROTATING: Final = 0.3
"""Share of the addresses that change their machine every day."""
IDENTITIES: Final[tuple[HostIdentity, ...]] = ("address", "machine")
_START: Final = parse_instant("2026-01-05")
_HORIZON: Final = "7d"


@dataclass(frozen=True)
class Size:
    """Machines, days of traffic, the last days that are scored, and the windows of the features."""

    machines: int = 60
    days: int = 10
    scored: int = 3
    windows: tuple[str, ...] = tuple(WINDOWS)

    @property
    def rotating(self) -> int:
        return round(ROTATING * self.machines)

    @property
    def interval(self) -> Interval:
        return Interval(_START, _START + self.days * DAY)

    @property
    def scored_days(self) -> list[datetime]:
        end = self.interval.end
        return [day.start for day in Interval(end - self.scored * DAY, end).steps(DAY)]


def main() -> None:
    os.environ["POWERTOOLS_LOG_LEVEL"] = "ERROR"  # the jobs log to standard output
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory() as scratch:
        for line in compare(Path(scratch), seed, Size()):
            print(json.dumps({"bench": "identity", "seed": seed} | line), flush=True)


def compare(folder: Path, seed: int, size: Size) -> Iterator[dict[str, Any]]:
    """Yield the false alarms with each identity of hosts, and which share of the first is left with the second."""
    project = build(folder, seed, size)
    alarms = {identity: false_alarms(project, identity, size) for identity in IDENTITIES}
    pool = set(addresses_on(0, machines_of(size.machines, seed), size.rotating)[: size.rotating])
    counts = {"addresses": size.machines, "rotating_addresses": size.rotating, "host_days": size.machines * size.scored}
    for identity, found in alarms.items():
        rotating = sum(host in pool for host, _ in found)
        yield {"hosts_are": identity, **counts, "false_alarms": len(found), "of_rotating_addresses": rotating}
    yield {"ratio": round(len(alarms["machine"]) / max(1, len(alarms["address"])), 3)}


def build(folder: Path, seed: int, size: Size) -> Project:
    """Publish the features, the inventory of the first day, and the DHCP logs of the rotating addresses."""
    changes = {"fg_a_builder": {"windows": size.windows}, "networks": {"internal": {"company": [NETWORK]}}}
    project = Project(folder, changes)
    machines = machines_of(size.machines, seed)
    names = dict(zip(addresses_on(0, machines, size.rotating), (each.name for each in machines), strict=True))
    project.inventory(month_text(_START), dict(sorted(names.items())))
    for number, day in enumerate(size.interval.steps(DAY)):
        addresses = addresses_on(number, machines, size.rotating)
        path = project.root / "integration" / mini_batch_id(day)
        path.mkdir(parents=True)
        pq.write_table(flows_of(machines, addresses, day, seed * 1000 + number), path / "part-0.parquet")
        log = dhcp_log(machines[: size.rotating], addresses[: size.rotating], day)
        put_bytes(f"{project.uri('dhcp_logs')}{day_text(day.start)}/dhcp.log", log)
    project.fifteen_minute_steps(size.interval)
    return project


def false_alarms(project: Project, identity: HostIdentity, size: Size) -> set[tuple[str, int]]:
    """Build the baseline of each scored day and score it; return the (host, day) that are findings."""
    fg_b, fg_c = project.uri(f"fg_b_{identity}"), project.uri(f"fg_c_{identity}")
    inputs = ["fg_a", "pair_counts", "machine_inventory", *(["dhcp_logs"] if identity == "machine" else [])]
    project.changes |= {
        "fg_b_builder": {
            "host_identity": identity,
            "inputs": project.uris(*inputs),
            "outputs": {"fg_b": fg_b},
            "metrics": SCORED_METRICS,
        },
        "fg_c_builder": {
            "inputs": project.uris("fg_a", "pair_counts") | {"fg_b": fg_b},
            "outputs": {"fg_c": fg_c},
            "windows": [label for label in SCORED_WINDOWS if label in size.windows],
            # A p value ranks a score among those of the days before, which have the same false alarms.
            "calibration": {"min_scores": 1_000_000},
        },
    }
    project.put_jobspecs()
    for target, outcome in project.baselines([Target(day, _HORIZON) for day in size.scored_days]):
        if not isinstance(outcome, Manifest):
            raise ValueError(f"The baseline ending {target.end} was not built: {outcome}")
    scored = Interval(size.scored_days[0], size.interval.end)
    project.fg_c(scored)
    columns = ["host_ip", "window_end", "score", "p_value", "calibration_count"]
    rows = Scan.of(fg_c, FG_C_HOSTS, scored, columns).read()
    days = (rows["window_end"].cast("int64").to_numpy() - SLICE_MICROSECONDS) // DAY_MICROSECONDS
    hosts = rows["host_ip"].to_pylist()
    of_findings = np.flatnonzero(are_findings(rows, FG_C_HOSTS, project.spec("fg_c_builder").findings))
    return {(hosts[place], int(days[place])) for place in of_findings.tolist()}


if __name__ == "__main__":
    main()
