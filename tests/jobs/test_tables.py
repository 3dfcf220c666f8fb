"""The Iceberg tables have the rows that the manifests name, whatever was published, replaced, compacted and swept."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.jobs.iceberg_tables import by_duckdb, by_manifests, by_pyiceberg, sqlite_catalog, table
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS, PEER_DELTAS, QUARANTINE
from ndr.contract.time import DAY, SLICE, Interval, parse_instant
from ndr.jobs.compaction.job import compact_days
from ndr.jobs.tables import register_commits
from ndr.store.unregistered import unregistered

MIDNIGHT = parse_instant("2026-01-05")
TODAY = Interval(MIDNIGHT, MIDNIGHT + DAY)
TABLES = (
    (DELTAS, "deltas"),
    (PEER_DELTAS, "deltas"),
    (QUARANTINE, "deltas"),
    (PAIR_COUNTS, "pair_counts"),
    (FG_A, "fg_a"),
)
SMALL = {"fg_a_builder": {"windows": ["15m", "1h"], "novelty": {"lookback_days": 2}}}


def slices(first: int, last: int) -> Interval:
    return Interval(MIDNIGHT + first * SLICE, MIDNIGHT + last * SLICE)


def build(project: Project, batch: Interval, seed: int) -> None:
    project.deliver(batch, [*random_flows(batch, 30, seed=seed), {"source_ip": f"bad {seed}"}])
    project.fifteen_minute_steps(batch)


def register(project: Project) -> None:
    register_commits(project.run("fg_c_builder"))


def assert_tables_are_the_manifests(project: Project, interval: Interval = TODAY) -> None:
    for dataset, folder in TABLES:
        wanted = by_manifests(project.uri(folder), dataset, interval)
        assert wanted
        assert by_pyiceberg(dataset) == wanted, dataset.name


@pytest.fixture
def project(tmp_path: Path) -> Project:
    os.environ.update(sqlite_catalog(tmp_path / "catalog"))
    return Project(tmp_path, SMALL)


def test_tables_have_the_rows_of_slices_replaced_slices_and_compacted_days(project: Project) -> None:
    for number in range(3):
        build(project, slices(number, number + 1), seed=number)
        register(project)
    assert_tables_are_the_manifests(project)

    build(project, slices(1, 2), seed=9)  # a slice that is built again replaces its rows
    register(project)
    assert_tables_are_the_manifests(project)

    done = list(compact_days(project.run("compaction"), TODAY))
    assert len(done) == 3
    register(project)
    assert_tables_are_the_manifests(project)
    for dataset, folder in TABLES:
        assert by_duckdb(dataset) == by_manifests(project.uri(folder), dataset, TODAY)
        assert not unregistered(project.uri(folder))
        assert {task.file.partition[0] for task in table(dataset.name).scan().plan_files()} == {20458}
    assert (date(1970, 1, 1) + timedelta(days=20458)) == MIDNIGHT.date()
