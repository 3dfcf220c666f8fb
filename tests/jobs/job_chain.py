"""A project on this machine's disk: JobSpecs in memory, flows as JSON lines, jobs called as their entry points do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import DELTAS, MACHINE_INVENTORY, PEER_DELTAS
from ndr.contract.jobspecs import JobName, parse_jobspec, put_jobspec
from ndr.contract.manifest import Manifest
from ndr.contract.time import Interval, format_instant, mini_batch_id
from ndr.jobs.claims import Claims, LeaseHeld, Unclaimed
from ndr.jobs.deltas.job import publish_deltas
from ndr.jobs.fg_a.job import publish_fg_a
from ndr.jobs.fg_b.job import InsufficientHistory, publish_baselines
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.fg_c.job import FgCSpecs, publish_fg_c
from ndr.jobs.host_identity.of_run import machine_lookup
from ndr.jobs.inventory.layout import month_interval, snapshot_uri
from ndr.jobs.inventory.snapshot import newest_snapshot
from ndr.jobs.pair_counts.job import publish_pair_counts
from ndr.jobs.run import Run
from ndr.store.publish import PartitionWriter
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema
from ndr.store.storage import put_bytes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


EVERYWHERE = ["0.0.0.0/0", "::/0"]
"""Internal networks in which every address is a host."""


class MemoryTable:
    """DynamoDB's get and put over a dictionary."""

    name = "memory"

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def put_item(self, **kwargs: Any) -> None:
        item = kwargs["Item"]
        self.items[item["project_name"], item["job_name_version"]] = item

    def get_item(self, **kwargs: Any) -> dict[str, Any]:
        found = self.items.get((kwargs["Key"]["project_name"], kwargs["Key"]["job_name_version"]))
        return {"Item": found} if found else {}


@dataclass
class Project:
    """One project below `root`. Changes to specs are given as `{job_name: {field: value}}`."""

    root: Path
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    table: MemoryTable = field(default_factory=MemoryTable)
    spark: SparkSession | None = None

    def __post_init__(self) -> None:
        self.put_jobspecs()

    def put_jobspecs(self) -> None:
        """Put all JobSpecs, with the changes as they are now."""
        for name, spec in self._specs().items():
            document = {
                "project_name": "ndr-test",
                "job_name": name,
                "feature_spec_version": "v1",
                "spec": spec | self.changes.get(name, {}),
                "updated_at": "2026-01-01T00:00:00Z",
                "owner": "tests",
            }
            put_jobspec(self.table, parse_jobspec(document))

    def _specs(self) -> dict[str, dict[str, Any]]:
        return {
            "delta_builder": {"inputs": self.uris("integration"), "outputs": self.uris("deltas")},
            "fg_a_builder": {"inputs": self.uris("deltas", "fg_b"), "outputs": self.uris("fg_a")},
            "pair_counts_builder": {"inputs": self.uris("deltas"), "outputs": self.uris("pair_counts")},
            "fg_b_builder": {
                "inputs": self.uris("fg_a", "pair_counts", "machine_inventory"),
                "outputs": self.uris("fg_b"),
                "safety_gap": {"7d": 0, "30d": 0},
            },
            "fg_c_builder": {"inputs": self.uris("fg_a", "pair_counts", "fg_b"), "outputs": self.uris("fg_c")},
            "machine_inventory_unload": {
                "redshift": {
                    "workgroup_name": "analytics",
                    "database": "ndr",
                    "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift",
                    "region": "us-east-1",
                    "iam_role": "arn:aws:iam::123456789012:role/unload",
                },
                "query": {
                    "schema": "public",
                    "table": "dim_machine",
                    "ip_column": "ip_address",
                    "name_column": "machine_name",
                },
                "output": {"s3_prefix": self.uri("machine_inventory")},
            },
            "non_persistent_prefixes": {"prefixes": ["VDI-"]},
            "networks": {"internal": {"all": EVERYWHERE}},
        }

    def uris(self, *datasets: str) -> dict[str, str]:
        return {name: self.uri(name) for name in datasets}

    def uri(self, dataset: str) -> str:
        return (self.root / dataset).as_uri() + "/"

    def published_deltas(self, interval: Interval) -> list[list[dict[str, Any]]]:
        """The rows of deltas and peer deltas in an interval, each in the order of its key."""
        return [
            Scan.of(self.uri("deltas"), dataset, interval)
            .read()
            .sort_by([(name, "ascending") for name in dataset.key])
            .to_pylist()
            for dataset in (DELTAS, PEER_DELTAS)
        ]

    def run(self, job_name: JobName) -> Run:
        return Run(job_name, "ndr-test", "v1", self.table, code_version="tests", spark=self.spark)

    def spec(self, job_name: JobName) -> Any:
        return self.run(job_name).spec(job_name)

    def deliver(self, batch: Interval, flows: Iterable[dict[str, Any]], name: str = "part-0.json") -> None:
        """Put flows as the mini-batch of an interval."""
        lines = "".join(json.dumps(flow) + "\n" for flow in flows)
        put_bytes(f"{self.uri('integration')}{mini_batch_id(batch)}/{name}", lines.encode())

    def inventory(self, month: str, machines: dict[str, str]) -> Manifest:
        """Publish a snapshot of the inventory, as the unload does."""
        rows = [
            {"ip_address": address, "machine_name": name, "snapshot_month": month} for address, name in machines.items()
        ]
        writer = PartitionWriter(snapshot_uri(self.uri("machine_inventory"), month))
        writer.write(pa.Table.from_pylist(rows, arrow_schema(MACHINE_INVENTORY)), MACHINE_INVENTORY)
        run, interval = self.run("machine_inventory_unload"), month_interval(month)
        return writer.commit(dataset=MACHINE_INVENTORY.name, start=interval.start, end=interval.end, **run.facts)

    def deltas(self, batch: Interval, replace_with_empty: bool = False, batch_id: str | None = None) -> list[Manifest]:
        run, identifier = self.run("delta_builder"), batch_id or mini_batch_id(batch)
        return list(publish_deltas(run, self.spec("delta_builder"), identifier, batch, replace_with_empty))

    def fg_a(self, batch: Interval, replace_with_empty: bool = False) -> list[Manifest]:
        run = self.run("fg_a_builder")
        return list(publish_fg_a(run, self.spec("fg_a_builder"), batch, replace_with_empty, machine_lookup(run)))

    def pair_counts(self, batch: Interval, replace_with_empty: bool = False) -> list[Manifest]:
        run, spec = self.run("pair_counts_builder"), self.spec("pair_counts_builder")
        return list(publish_pair_counts(run, spec, batch, replace_with_empty))

    def fg_c(self, batch: Interval, replace_with_empty: bool = False) -> list[Manifest]:
        inventory_of = partial(newest_snapshot, self.spec("machine_inventory_unload").output)
        fg_c, fg_b, fg_a = (self.spec(name) for name in ("fg_c_builder", "fg_b_builder", "fg_a_builder"))
        specs = FgCSpecs(fg_c, fg_b, fg_a, self.run("fg_c_builder").networks(), inventory_of)
        return list(publish_fg_c(self.run("fg_c_builder"), specs, batch, replace_with_empty))

    def baselines(
        self,
        targets: list[Target],
        claims: Claims = Unclaimed(),  # noqa: B008 - it has no state
    ) -> list[tuple[Target, Manifest | InsufficientHistory | LeaseHeld]]:
        """Run the FG-B job, without the ledger unless told."""
        run = replace(self.run("fg_b_builder"), claims=claims)
        output = run.spec("machine_inventory_unload").output
        specs = BaselineSpecs(run.spec("fg_b_builder"), run.spec("fg_a_builder"), ("VDI-",), run.networks())
        return list(publish_baselines(run, specs, targets, lambda month: newest_snapshot(output, month)))

    def fifteen_minute_steps(self, batch: Interval) -> None:
        """Run the three steps of the 15m pipeline."""
        self.deltas(batch)
        self.fg_a(batch)
        self.pair_counts(batch)


def random_flows(interval: Interval, count: int, seed: int, hosts: int = 6) -> list[dict[str, Any]]:
    """Return flows of a few hosts and peers, in the integration schema, that start within the interval."""
    rng = np.random.default_rng(seed)
    length = interval.duration.total_seconds()
    flows = []
    for offset in np.sort(rng.uniform(0, length, count)):
        start = interval.start.timestamp() + float(offset)
        source = int(rng.integers(hosts))
        flows.append(
            {
                "source_ip": f"10.0.{source % 2}.{source}" if source else "2001:db8::5",
                "source_port": int(rng.integers(1024, 65536)),
                "destination_ip": f"192.0.2.{int(rng.zipf(1.6)) % 40}",
                "destination_port": int(rng.choice([53, 80, 443, 445, 3389])),
                "source_bytes": int(rng.lognormal(6, 2)),
                "destination_bytes": int(rng.choice([0, 1])) * int(rng.lognormal(7, 2)),
                "event_start": start,
                "event_end": start + float(rng.exponential(20)),
                "event_action": str(rng.choice(["allow", "deny", "drop", "alert"], p=[0.8, 0.1, 0.05, 0.05])),
                "event_name": str(rng.choice(["TRAFFIC", "THREAT"], p=[0.97, 0.03])),
                "event_reason": str(rng.choice(["tcp-fin", "tcp-rst-from-server", "aged-out"])),
                "network_transport": str(rng.choice(["tcp", "udp", "icmp"], p=[0.7, 0.25, 0.05])),
            }
        )
    return flows


def spelled(interval: Interval) -> tuple[str, str]:
    """Return both ends of an interval as text."""
    return format_instant(interval.start), format_instant(interval.end)
