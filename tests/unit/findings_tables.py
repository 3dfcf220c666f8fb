"""Small published partitions of scores, and the JobSpecs that name them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from ndr.contract.datasets import (
    FG_B,
    FG_B_IP_METADATA,
    FG_C,
    FG_C_HOSTS,
    FG_C_PAIRS,
    FG_C_SCORES,
    Dataset,
)
from ndr.contract.jobspecs import JobSpecs, parse_jobspec
from ndr.contract.manifest import InputEntry, Manifest
from ndr.contract.time import DAY, Interval
from ndr.store.partition import baseline_partition_uri, time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema

END = datetime(2026, 2, 1, tzinfo=UTC)
ZERO: dict[str, Any] = {"int64": 0, "float64": 0.0, "string": "", "bool": False, "timestamp": END, "reasons": []}
FACTS = {"project_name": "p", "feature_spec_version": "v1", "code_version": "test"}
BASELINE = "20260131T000500Z-0123456789ab"
"""The run id of the baseline that scores were judged by."""
HOST, OTHER, PEER = "10.0.0.1", "10.0.0.2", "203.0.113.7"


def jobspecs_of(root: Path, without: str = "", **changes: Mapping[str, Any]) -> JobSpecs:
    """Return the JobSpecs that findings need; `changes` are fields of the specs of jobs, and whole specs of others."""
    names = ("fg_a", "pair_counts", "fg_b", "fg_c", "inventory", "findings")
    uri = {name: (root / name).as_uri() + "/" for name in names}
    specs: dict[str, Any] = {
        "fg_b_builder": {
            "inputs": {
                "fg_a": uri["fg_a"],
                "pair_counts": uri["pair_counts"],
                "machine_inventory": uri["inventory"],
            },
            "outputs": {"fg_b": uri["fg_b"]},
        },
        "fg_c_builder": {
            "inputs": {name: uri[name] for name in ("fg_a", "pair_counts", "fg_b")},
            "outputs": {"fg_c": uri["fg_c"], "findings": uri["findings"]},
        },
    }
    specs = {name: {**specs.get(name, {}), **changes.get(name, {})} for name in {**specs, **changes}}
    same = {"project_name": "p", "feature_spec_version": "v1", "updated_at": "2026-01-01T00:00:00Z", "owner": "t"}
    return JobSpecs({name: parse_jobspec({"job_name": name, "spec": spec, **same})
                     for name, spec in specs.items() if name != without})  # fmt: skip


def table(dataset: Dataset, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows as the dataset's table, in key order. A missing value is zero."""
    zeros = {column.name: ZERO[column.type] for column in dataset.columns}
    filled = sorted(({**zeros, **row} for row in rows), key=lambda row: tuple(row[name] for name in dataset.key))
    return pa.Table.from_pylist(filled, schema=arrow_schema(dataset))


def publish(
    root: Path,
    day: Interval,
    hosts: Iterable[Mapping[str, Any]] = (),
    pairs: Iterable[Mapping[str, Any]] = (),
    scores: Iterable[Mapping[str, Any]] = (),
) -> Manifest:
    """Publish a partition of scores, judged by the baseline BASELINE."""
    writer = PartitionWriter(time_partition_uri((root / "fg_c").as_uri(), day))
    for dataset, rows in ((FG_C_SCORES, scores), (FG_C_HOSTS, hosts), (FG_C_PAIRS, pairs)):
        writer.write(table(dataset, rows), dataset)
    baseline = InputEntry(uri=baseline_partition_uri((root / "fg_b").as_uri(), "30d", END - DAY), run_id=BASELINE)
    return writer.commit(dataset=FG_C, start=day.start, end=day.end, inputs=(baseline,), **FACTS)


def publish_names(root: Path, names: Mapping[str, str]) -> None:
    writer = PartitionWriter(baseline_partition_uri((root / "fg_b").as_uri(), "30d", END - DAY))
    rows = [{"host_ip": address, "machine_name": name} for address, name in names.items()]
    writer.write(table(FG_B_IP_METADATA, rows), FG_B_IP_METADATA)
    writer.commit(dataset=FG_B, start=END - 31 * DAY, end=END - DAY, **FACTS)


def reason(metric: str, contribution: float, **more: Any) -> dict[str, Any]:
    """Return a reason that the 30d baseline of the host judged."""
    known = {"role": "outbound", "window_label": "8h", "baseline_horizon": "30d", "judged_by": "host"}
    numbers = {"value": 5000.0, "usual": 100.0, "factor": 50.0, "contribution": contribution}
    return {"metric": metric, **known, **numbers, **more}


def host(
    address: str,
    hour: float,
    score: float,
    sentence: str = "Why.",
    p_value: float | None = 0.5,
    reasons: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return a row of a host at an hour of the day before END, with 100,000 calibration scores behind its p value."""
    end = END - DAY + timedelta(hours=hour)
    row = {"host_ip": address, "window_end": end, "score": score, "p_value": p_value, "sentence": sentence}
    return row | {"calibration_count": 100_000, "reasons": list(reasons), "judged_by": "host"}


def pair(source: str, port: int, hour: float, score: float, sentence: str = "Why.", **more: Any) -> dict[str, Any]:
    """Return a row of a pair with PEER at an hour of the day before END."""
    end = END - DAY + timedelta(hours=hour)
    row = {"src_ip": source, "dst_ip": PEER, "dst_port": port, "window_end": end, "score": score, "sentence": sentence}
    return row | more
