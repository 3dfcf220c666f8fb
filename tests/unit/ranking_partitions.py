"""Published partitions for the tests of the ranking: FG-A, pair counts and one baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from ndr.contract.datasets import (
    FG_A,
    FG_B_IP_METADATA,
    FG_B_PAIR_HOST,
    FG_B_PAIR_SEGMENT,
    PAIR_COUNTS,
    Dataset,
    fg_b_host,
    fg_b_segment,
)
from ndr.contract.jobspecs import JobSpecs, parse_jobspec
from ndr.contract.time import DAY, Interval
from ndr.local.ranking import METRICS
from ndr.store.partition import baseline_partition_uri, time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema

END = datetime(2026, 2, 1, tzinfo=UTC)
DAY_OF_INTEREST = Interval(END - DAY, END)
HORIZON = Interval(END - 30 * DAY, END)
ZERO: dict[str, Any] = {"int64": 0, "float64": 0.0, "string": "", "bool": False, "timestamp": END}
FACTS = {"project_name": "p", "feature_spec_version": "v1", "code_version": "test"}


def table(dataset: Dataset, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows as the dataset's table, in key order. A missing value is zero."""
    zeros = {column.name: ZERO[column.type] for column in dataset.columns}
    filled = sorted(({**zeros, **row} for row in rows), key=lambda row: tuple(row[name] for name in dataset.key))
    return pa.Table.from_pylist(filled, schema=arrow_schema(dataset))


def publish_day(prefix: Path, dataset: Dataset, day: Interval, rows: Iterable[Mapping[str, Any]]) -> None:
    writer = PartitionWriter(time_partition_uri(prefix.as_uri(), day))
    writer.write(table(dataset, rows), dataset)
    writer.commit(dataset=dataset.name, start=day.start, end=day.end, **FACTS)


def statistics(median: float, mad: float, iqr: float = 0.0, cold: bool = False) -> dict[str, Any]:
    """Return the statistics of every metric of interest."""
    each = {"median": median, "mad": mad, "iqr": iqr, "cold_start": cold, "support_count": 1 if cold else 500}
    return {f"{metric}_{name}": value for metric in METRICS for name, value in each.items()}


def publish_baseline(prefix: Path, tables: Mapping[str, list[dict[str, Any]]], horizon: str = "30d") -> None:
    """Publish a baseline that ends at END. A missing table is empty."""
    datasets = (fg_b_host(METRICS), fg_b_segment(METRICS), FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT, FG_B_IP_METADATA)
    writer = PartitionWriter(baseline_partition_uri(prefix.as_uri(), horizon, END))
    for dataset in datasets:
        rows = [{"baseline_horizon": horizon, "baseline_end": END, **row} for row in tables.get(dataset.name, [])]
        writer.write(table(dataset, rows), dataset)
    start = END - timedelta(days=int(horizon.removesuffix("d")))
    writer.commit(dataset="fg_b", start=start, end=END, **FACTS)


def jobspecs_of(root: Path) -> JobSpecs:
    """Return the JobSpec with the prefixes of the test's partitions."""
    inputs = {name: (root / name).as_uri() for name in ("fg_a", "pair_counts", "machine_inventory")}
    spec = {"inputs": inputs, "outputs": {"fg_b": (root / "fg_b").as_uri()}, "metrics": list(METRICS)}
    spec["capping"] = {"key_metrics": ["sessions_cnt"]}
    item = {
        "project_name": "p",
        "job_name": "fg_b_builder",
        "feature_spec_version": "v1",
        "spec": spec,
        "updated_at": "2026-01-01T00:00:00Z",
        "owner": "test",
    }
    return {"fg_b_builder": parse_jobspec(item)}


def fg_a_row(host: str, window: str = "1h", hour: int = 12, **values: Any) -> dict[str, Any]:
    end = DAY_OF_INTEREST.start + timedelta(hours=hour)
    return {"host_ip": host, "role": "outbound", "window_label": window, "window_end": end,
            "time_band": "off_hours", **values}  # fmt: skip


def group(**entity: str) -> dict[str, Any]:
    return {**entity, "role": "outbound", "time_band": "off_hours", "window_label": "1h"}


def pair_row(
    source: str, destination: str, port: int, day: int = 0, sessions: int = 1, size: int = 100
) -> dict[str, Any]:
    """Return a pair's row `day` days before the day of interest."""
    start = DAY_OF_INTEREST.start - day * DAY + timedelta(hours=3)
    return {"src_ip": source, "dst_ip": destination, "dst_port": port, "slice_start": start,
            "sessions_cnt": sessions, "src_bytes_sum": size - size // 3, "dst_bytes_sum": size // 3}  # fmt: skip


def publish_pairs(prefix: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Publish pair counts, one partition a UTC day."""
    by_day: dict[datetime, list[dict[str, Any]]] = {}
    for row in rows:
        by_day.setdefault(row["slice_start"].replace(hour=0), []).append(row)
    for start, held in by_day.items():
        publish_day(prefix, PAIR_COUNTS, Interval(start, start + DAY), held)


def publish_fg_a(prefix: Path, rows: Iterable[dict[str, Any]]) -> None:
    publish_day(prefix, FG_A, DAY_OF_INTEREST, rows)
