"""A segment a hundred times larger than the others is spread over the parts; its statistics stay what they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from tests.jobs.job_chain import Project

from ndr.contract.datasets import FG_A, PAIR_COUNTS, fg_b_host
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, SLICE, Interval, parse_instant
from ndr.jobs.fg_b.targets import Target
from ndr.spark import parts
from ndr.store.catalog import newest_baseline
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter, in_key_order, read_table
from ndr.store.schema import arrow_schema

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = parse_instant("2026-01-05")
DAY_ONE = Interval(START, START + DAY)
TARGET = Target(DAY_ONE.end, "7d")
METRICS = ("sessions_cnt", "deny_ratio")
CHANGES: dict[str, dict[str, Any]] = {
    "fg_b_builder": {"metrics": METRICS, "capping": {"key_metrics": ["sessions_cnt"]}, "min_coverage": 0.1}
}
HOSTS = [f"10.0.0.{number}" for number in range(1, 101)] + [f"10.1.{number}.1" for number in range(9)]


def test_a_giant_segment_is_shared_by_all_parts(
    tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "SMALLEST_PART", 100)
    features = _features()
    here, there = Project(tmp_path / "local", CHANGES), Project(tmp_path / "spark", CHANGES, spark=spark)
    for project in (here, there):
        writer = PartitionWriter(time_partition_uri(project.uri("fg_a"), DAY_ONE))
        writer.write(features, FG_A)
        writer.commit(dataset="fg_a", start=DAY_ONE.start, end=DAY_ONE.end, **project.run("fg_a_builder").facts)
        pairs = PartitionWriter(time_partition_uri(project.uri("pair_counts"), DAY_ONE))
        pairs.write(arrow_schema(PAIR_COUNTS).empty_table(), PAIR_COUNTS)
        pairs.commit(
            dataset="pair_counts", start=DAY_ONE.start, end=DAY_ONE.end, **project.run("pair_counts_builder").facts
        )
        ((_, outcome),) = project.baselines([TARGET])
        assert isinstance(outcome, Manifest)

    expected, _ = _published(here)
    found, rows_of_parts = _published(there)
    assert found.equals(expected)
    # 20 groups of 100 hosts and 180 of one, over six parts: 2180 / 6 on average, four large groups at most.
    assert expected.num_rows == 2180
    assert len(rows_of_parts) == 6
    assert max(rows_of_parts) <= 430


def _published(project: Project) -> tuple[pa.Table, list[int]]:
    dataset = fg_b_host(METRICS)
    partition = newest_baseline(project.uri("fg_b"), TARGET.horizon, TARGET.end)
    assert partition is not None
    files = partition.manifest.tables["host"].files
    return in_key_order(read_table(partition.uri, partition.manifest, dataset), dataset), [file.rows for file in files]


def _features() -> pa.Table:
    """FG-A of every host in both roles, both bands and five windows, eight window ends each; other columns are null."""
    rng = np.random.default_rng(7)
    rows = [
        {
            "host_ip": host,
            "role": role,
            "window_label": window,
            "window_end": DAY_ONE.start + (number + 1) * SLICE,
            "time_band": band,
            "sessions_cnt": int(rng.lognormal(3, 1)),
            "deny_ratio": float(rng.random()),
        }
        for host in HOSTS
        for role in ("inbound", "outbound")
        for window in ("15m", "1h", "24h", "30m", "8h")
        for number, band in enumerate(["night"] * 8 + ["working_hours"] * 8, start=24)
    ]
    return in_key_order(pa.Table.from_pylist(rows, arrow_schema(FG_A)), FG_A)
