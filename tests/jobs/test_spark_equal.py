"""Every job publishes the same rows on both engines, whatever the number of parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import (
    DELTAS,
    FG_A,
    FG_A_METRICS,
    FG_C_HOSTS,
    FG_C_PAIRS,
    FG_C_SCORES,
    PAIR_COUNTS,
    PEER_DELTAS,
    QUARANTINE,
    Dataset,
    fg_b_tables,
)
from ndr.contract.time import DAY, Interval, parse_instant
from ndr.jobs.fg_b.targets import Target
from ndr.spark import parts
from ndr.store.catalog import newest_baseline
from ndr.store.publish import in_key_order, read_table
from ndr.store.scan import Scan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = parse_instant("2026-01-05")
DAYS = Interval(START, START + 3 * DAY)
SCORED = Interval(DAYS.end - DAY, DAYS.end)
TARGETS = [Target(DAYS.end - DAY, "7d"), Target(DAYS.end, "7d")]
METRICS = [column.name for column in FG_A_METRICS]

NETWORKS: dict[str, Any] = {
    "internal": {"site": ["10.0.0.0/16", "2001:db8::/64"], "servers": ["192.0.2.0/28"]},
    "excluded": {"retired": ["192.0.2.3/32"]},
    "segments": {"lab": ["10.0.1.0/24"]},
}
"""Hosts, outside peers and excluded addresses of the flows; the baselines have fewer hosts than the features."""


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> dict[str, Project]:
    """Both engines over the same flows, of which a few can't be used; parts are small, so that there are several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "SMALLEST_PART", 50)
        changes: dict[str, dict[str, Any]] = {
            "fg_b_builder": {"min_coverage": 0.2},
            "fg_c_builder": {"discount": {"min_hosts": 2, "usual_share": 0.01}},
            "networks": NETWORKS,
        }
        here = Project(tmp_path_factory.mktemp("local"), changes)
        there = Project(tmp_path_factory.mktemp("spark"), changes, spark=spark)
        for number, day in enumerate(DAYS.steps(DAY)):
            flows = random_flows(day, 300, seed=number)
            bad = [flows[0] | {"source_ip": "nowhere"}, flows[1] | {"source_bytes": -1}]
            for project in (here, there):
                project.deliver(day, flows[:200])
                project.deliver(day, [*flows[200:], *bad], name="part-1.json")
        for project in (here, there):
            project.deltas(DAYS)
            project.pair_counts(DAYS)
            project.fg_a(DAYS)
            project.inventory("2026-01", {"10.0.0.2": "VDI-7", "10.0.1.1": "mail", "198.51.100.9": "printer"})
            project.changes["networks"] = NETWORKS | {"internal": {"site": NETWORKS["internal"]["site"]}}
            project.put_jobspecs()
            project.baselines(TARGETS)
            project.fg_c(SCORED)
    return {"local": here, "spark": there}


def _rows(project: Project, dataset: Dataset, folder: str) -> pa.Table:
    table = Scan.of(project.uri(folder), dataset, DAYS).read()
    key = dataset.key or ("source_file", "row_number")
    return table.sort_by([(name, "ascending") for name in key])


@pytest.mark.parametrize(
    ("dataset", "folder"),
    [
        (DELTAS, "deltas"),
        (PEER_DELTAS, "deltas"),
        (PAIR_COUNTS, "pair_counts"),
        (FG_A, "fg_a"),
        (FG_C_SCORES, "fg_c"),
        (FG_C_HOSTS, "fg_c"),
        (FG_C_PAIRS, "fg_c"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_both_engines_publish_the_same_rows(engines: dict[str, Project], dataset: Dataset, folder: str) -> None:
    expected = _rows(engines["local"], dataset, folder)
    assert expected.num_rows > 50
    assert _rows(engines["spark"], dataset, folder).equals(expected)


def test_both_engines_discount_what_many_hosts_do_at_once(engines: dict[str, Project]) -> None:
    """The equal rows have some of it, although no part of Spark has all hosts."""
    assert min(_rows(engines["spark"], FG_C_SCORES, "fg_c")["discount"].to_pylist()) < 1


def test_both_engines_quarantine_the_same_rows(engines: dict[str, Project]) -> None:
    def told(project: Project) -> list[tuple[str, int, str, str]]:
        rows = _rows(project, QUARANTINE, "deltas").to_pylist()
        return [(Path(row["source_file"]).name, row["row_number"], row["reason"], row["raw"]) for row in rows]

    assert len(told(engines["local"])) == 6
    assert told(engines["spark"]) == told(engines["local"])


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.end:%d}")
@pytest.mark.parametrize(
    "dataset",
    fg_b_tables(METRICS),
    ids=lambda dataset: dataset.name,
)
def test_both_engines_publish_the_same_baselines(engines: dict[str, Project], dataset: Dataset, target: Target) -> None:
    def published(project: Project) -> tuple[pa.Table, int]:
        partition = newest_baseline(project.uri("fg_b"), target.horizon, target.end)
        assert partition is not None
        assert partition.manifest.end == target.end
        files = len(partition.manifest.tables[dataset.name].files)
        return in_key_order(read_table(partition.uri, partition.manifest, dataset), dataset), files

    expected, _ = published(engines["local"])
    rows, files = published(engines["spark"])
    assert expected.num_rows >= 7
    assert rows.equals(expected)
    assert files > 1
