"""Sixty days of published FG-A, pair counts and an inventory on this machine's disk, for the benchmark of the FG-B job.

Partitions are written by the jobs' own writer, a day each, once: a folder that has them is not written again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import FG_A, FG_A_METRICS, MACHINE_INVENTORY, PAIR_COUNTS
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.time import DAY, EPOCH, SLICE_MICROSECONDS, Interval, slice_number
from ndr.jobs.fg_a.business_time import calendar_columns
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.inventory.layout import month_interval, snapshot_uri
from ndr.jobs.run import Run
from ndr.store.manifest import read_manifest
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter, in_key_order
from ndr.store.schema import arrow_schema

END = datetime(2026, 3, 31, tzinfo=UTC)
DAYS = 60
WINDOWS = ("15m", "1h")
ROLES = ("outbound", "inbound")
METRICS = (*(column.name for column in FG_A_METRICS[:18]), "peer_ip_nunique", "peer_ip_entropy")
# A host-slice meets so many (destination, port) on average, drawn from its own habits and from the whole network's.
PAIRS_A_SLICE = 5
# The specs are given, so the table is never read.
RUN = Run("fg_b_builder", "bench", "v1", table=None, code_version="bench")  # type: ignore[arg-type]


def specs(project: Path, output: Path) -> BaselineSpecs:
    """Return the FG-B job's specs, reading below `project` and publishing below `output`."""
    uri = {name: (project / name).as_uri() + "/" for name in ("deltas", "fg_a", "pair_counts", "machine_inventory")}
    output_uri = output.as_uri() + "/"
    fg_a = {
        "inputs": {"deltas": uri["deltas"], "fg_b": output_uri},
        "outputs": {"fg_a": uri["fg_a"]},
        "windows": list(WINDOWS),
    }
    fg_b = {
        "inputs": {name: uri[name] for name in ("fg_a", "pair_counts", "machine_inventory")},
        "outputs": {"fg_b": output_uri},
        "metrics": list(METRICS),
    }
    return BaselineSpecs(FgBBuilderSpec.model_validate(fg_b), FgABuilderSpec.model_validate(fg_a), ("VDI-",))


def publish_project(project: Path, hosts: int) -> None:
    """Publish what is not there yet of the days up to END, and an inventory of their first month."""
    baseline_specs = specs(project, project / "fg_b")
    addresses = [f"10.0.{host // 100}.{host % 100 + 1}" for host in range(hosts)]
    for day in Interval(END - DAYS * DAY, END).steps(DAY):
        random = np.random.default_rng((day.start - EPOCH).days)
        fg_a = time_partition_uri(baseline_specs.fg_b.inputs.fg_a, day)
        if not read_manifest(fg_a):
            _publish(fg_a, FG_A, features(day, addresses, random, baseline_specs), day)
        pairs = time_partition_uri(baseline_specs.fg_b.inputs.pair_counts, day)
        if not read_manifest(pairs):
            _publish(pairs, PAIR_COUNTS, pair_counts(day, addresses, random), day)
    month = f"{END - DAYS * DAY:%Y-%m}"
    names = [f"VDI-{host}" if host % 9 == 0 else f"HOST-{host}" for host in range(hosts)]
    machines = pa.table([addresses, names, [month] * hosts], schema=arrow_schema(MACHINE_INVENTORY))
    snapshot = snapshot_uri(baseline_specs.fg_b.inputs.machine_inventory, month)
    _publish(snapshot, MACHINE_INVENTORY, machines, month_interval(month))


def _publish(uri: str, dataset, table: pa.Table, interval: Interval) -> None:  # type: ignore[no-untyped-def]
    writer = PartitionWriter(uri)
    writer.write(in_key_order(table, dataset), dataset)
    writer.commit(dataset=dataset.name, start=interval.start, end=interval.end, **RUN.facts)


def features(
    day: Interval, addresses: list[str], random: np.random.Generator, baseline_specs: BaselineSpecs
) -> pa.Table:
    """Draw a day of FG-A: heavy-tailed counts by host, ratios and entropies between 0 and 1; the rest 0."""
    first = slice_number(day.start) + 1
    kinds = [(role, window) for role in ROLES for window in WINDOWS]
    host, kind, end = (axis.ravel() for axis in np.indices((len(addresses), len(kinds), 96)))
    level = np.random.default_rng(1).lognormal(3, 1, len(addresses))[host]
    columns: dict[str, pa.Array] = {
        "host_ip": pa.array(addresses).take(pa.array(host)),
        "role": pa.array([role for role, _ in kinds]).take(pa.array(kind)),
        "window_label": pa.array([window for _, window in kinds]).take(pa.array(kind)),
        "window_end": pa.array((first + end) * SLICE_MICROSECONDS).cast(pa.timestamp("us", "UTC")),
    }
    for column in FG_A_METRICS:
        if column.name not in METRICS:
            values = np.zeros(len(host))
        elif column.type == "int64":
            values = np.round(random.lognormal(0, 1, len(host)) * level)
        else:
            values = random.random(len(host))
        columns[column.name] = pa.array(values).cast(pa.int64()) if column.type == "int64" else pa.array(values)
    seen = {"window_coverage": pa.array(np.ones(len(host))), "lookback_days": pa.array(np.full(len(host), 30))}
    return pa.table(columns | calendar_columns(first + end, baseline_specs.fg_a.calendar) | seen)


def pair_counts(day: Interval, addresses: list[str], random: np.random.Generator) -> pa.Table:
    """Draw a day of pair counts: most contacts to a host's twenty usual destinations, a tenth to anyone."""
    rows = len(addresses) * 96 * PAIRS_A_SLICE
    host = random.integers(0, len(addresses), rows)
    usual = (host * 37 + np.minimum(random.zipf(1.5, rows), 20) * 101) % 4000
    destination = np.where(random.random(rows) < 0.1, random.integers(0, 40_000, rows), usual)
    port = np.array([443, 80, 53, 445, 3389, 22])[destination % 6]
    began = slice_number(day.start) + random.integers(0, 96, rows)
    keys = np.unique(np.stack([host, destination, port, began]), axis=1)
    host, destination, port, began = keys
    peers = pa.array([f"172.16.{number // 200}.{number % 200 + 1}" for number in range(40_000)])
    sessions = random.integers(1, 20, len(host))
    return pa.table(
        {
            "src_ip": pa.array(addresses).take(pa.array(host)),
            "dst_ip": peers.take(pa.array(destination)),
            "dst_port": pa.array(port),
            "slice_start": pa.array(began * SLICE_MICROSECONDS).cast(pa.timestamp("us", "UTC")),
            "sessions_cnt": pa.array(sessions),
            "allow_cnt": pa.array(sessions),
            "deny_cnt": pa.array(np.zeros_like(sessions)),
            "src_bytes_sum": pa.array(sessions * 300),
            "dst_bytes_sum": pa.array(sessions * 700),
        }
    )
