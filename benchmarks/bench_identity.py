"""False alarms of hosts and pairs in a network of which 30 % of the addresses change their machine every day.

    PYTHONPATH=. python benchmarks/bench_identity.py [seed]

A generated network without attacks: PCs, phones, cameras, signage, probes and sensors, of which 30 % share a pool of
addresses and pass them on at each midnight. The same deltas get features, baselines and scores twice: with hosts that
are addresses, and with hosts that are machines by the inventory and the DHCP logs. An alarm is a host or a pair that is
a finding on a UTC day: the score decides, no p value. JSON lines: one for each of the two, last the ratios.
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

import pyarrow as pa
import pyarrow.parquet as pq
from tests.jobs.job_chain import Project

from benchmarks.identity.network import NETWORK, addresses_on, dhcp_log, flows_of, machines_of
from ndr.contract.datasets import FG_C_HOSTS, FG_C_PAIRS, SCORED_METRICS, SCORED_WINDOWS, Dataset
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
from ndr.findings.scored import are_findings, entity_columns
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

    machines: int = 100
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
        rotating = sum(host in pool for of_kind in (found.hosts, found.pairs) for host, *_ in of_kind)
        figures = {"host_alarms": len(found.hosts), "pair_alarms": len(found.pairs), "of_rotating_addresses": rotating}
        yield {"hosts_are": identity, **counts, **figures, "new_pairs": len(found.new_pairs)}
    by_address, by_machine = (alarms[identity] for identity in IDENTITIES)
    yield {
        "host_ratio": _ratio(by_machine.hosts, by_address.hosts),
        "pair_ratio": _ratio(by_machine.pairs, by_address.pairs),
    }


def _ratio(left: set[Any], all_: set[Any]) -> float:
    return round(len(left) / max(1, len(all_)), 3)


def build(folder: Path, seed: int, size: Size) -> Project:
    """Publish the deltas, the inventory of the first day, and the DHCP logs of the rotating addresses."""
    project = Project(folder, {"networks": {"internal": {"company": [NETWORK]}}})
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
    project.deltas(size.interval)
    project.pair_counts(size.interval)
    return project


@dataclass(frozen=True)
class Alarms:
    """The (host, day), and the (source, destination, port, day), that are findings, and the pairs that are new."""

    hosts: set[tuple[Any, ...]]
    pairs: set[tuple[Any, ...]]
    new_pairs: set[tuple[Any, ...]]


def false_alarms(project: Project, identity: HostIdentity, size: Size) -> Alarms:
    """Build the features, and of each scored day the baseline and the scores; return what is a finding."""
    fg_a, fg_b, fg_c = (project.uri(f"{name}_{identity}") for name in ("fg_a", "fg_b", "fg_c"))
    inputs = ["pair_counts", "machine_inventory", *(["dhcp_logs"] if identity == "machine" else [])]
    project.changes |= {
        "fg_a_builder": {
            "windows": size.windows,
            "inputs": project.uris("deltas") | {"fg_b": fg_b},
            "outputs": {"fg_a": fg_a},
        },
        "fg_b_builder": {
            "host_identity": identity,
            "inputs": project.uris(*inputs) | {"fg_a": fg_a},
            "outputs": {"fg_b": fg_b},
            "metrics": SCORED_METRICS,
        },
        "fg_c_builder": {
            "inputs": project.uris("pair_counts") | {"fg_a": fg_a, "fg_b": fg_b},
            "outputs": {"fg_c": fg_c},
            "windows": [label for label in SCORED_WINDOWS if label in size.windows],
            # A p value ranks a score among those of the days before, which have the same false alarms.
            "calibration": {"min_scores": 1_000_000},
        },
    }
    project.put_jobspecs()
    project.fg_a(size.interval)
    for target, outcome in project.baselines([Target(day, _HORIZON) for day in size.scored_days]):
        if not isinstance(outcome, Manifest):
            raise ValueError(f"The baseline ending {target.end} was not built: {outcome}")
    scored = Interval(size.scored_days[0], size.interval.end)
    project.fg_c(scored)
    thresholds = project.spec("fg_c_builder").findings
    hosts, pairs = (Scan.of(fg_c, dataset, scored).read() for dataset in (FG_C_HOSTS, FG_C_PAIRS))
    return Alarms(
        _entities(hosts.filter(pa.array(are_findings(hosts, FG_C_HOSTS, thresholds))), FG_C_HOSTS),
        _entities(pairs.filter(pa.array(are_findings(pairs, FG_C_PAIRS, thresholds))), FG_C_PAIRS),
        _entities(pairs.filter(pairs["is_new"]), FG_C_PAIRS),
    )


def _entities(rows: pa.Table, dataset: Dataset) -> set[tuple[Any, ...]]:
    days = (rows["window_end"].cast("int64").to_numpy() - SLICE_MICROSECONDS) // DAY_MICROSECONDS
    entities = (rows[name].to_pylist() for name in entity_columns(dataset))
    return set(zip(*entities, days.tolist(), strict=True))


if __name__ == "__main__":
    main()
