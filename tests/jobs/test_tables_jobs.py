"""The jobs register what they publish, whatever kind of dataset it is, and never fail over it."""

from __future__ import annotations

import os
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.jobs.iceberg_tables import DATABASE, by_manifests, by_pyiceberg, catalog, ordered, sqlite_catalog, table
from tests.jobs.job_chain import Project, random_flows
from tests.spark_jars import fetched

from ndr.contract.datasets import FG_C_HOSTS, FG_C_PAIRS, FG_C_SCORES, MACHINE_INVENTORY, Dataset, fg_b_tables
from ndr.contract.table_names import TABLE_NAMES, table_name
from ndr.contract.tables import TABLES_CATALOG, TABLES_DATABASE
from ndr.contract.time import DAY, Interval, parse_instant
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.tables import register_commits, register_days
from ndr.store.catalog import newest_baseline
from ndr.store.publish import read_table
from ndr.store.unregistered import unregistered

START = parse_instant("2026-01-05")
LEARNT = Interval(START, START + DAY)
SCORED = Interval(LEARNT.end, LEARNT.end + DAY / 24)
METRICS = ["sessions_cnt", "bytes_sent_sum"]
TARGETS = [Target(LEARNT.end, "7d"), Target(SCORED.start + DAY, "7d"), Target(LEARNT.end, "30d")]
CHANGES: dict[str, dict[str, Any]] = {
    "fg_a_builder": {"windows": ["15m", "1h"]},
    "fg_b_builder": {
        "metrics": METRICS,
        "capping": {"key_metrics": METRICS},
        "min_coverage": 0,
        "support_min": {"1h": 2},
        "safety_gap": {"7d": 0, "30d": 0},
    },
    "fg_c_builder": {"windows": ["1h"], "metrics": METRICS, "calibration": {"days": 1, "min_scores": 10}},
}
BASELINES = fg_b_tables(METRICS)
SPARK = Path(__file__).parents[2] / ".tools" / "iceberg-spark" / "bin" / "python"
SCORES = (FG_C_SCORES, FG_C_HOSTS, FG_C_PAIRS)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with features, three baselines, two inventories and scores, all registered."""
    root = tmp_path_factory.mktemp("project")
    os.environ.update(sqlite_catalog(root / "catalog"))
    project = Project(root, CHANGES)
    project.deliver(LEARNT, random_flows(LEARNT, 400, seed=1))
    project.deliver(SCORED, random_flows(SCORED, 60, seed=2))
    project.inventory("2026-01", {"10.0.0.2": "VDI-1"})
    project.fifteen_minute_steps(LEARNT)
    project.fifteen_minute_steps(SCORED)
    project.baselines(TARGETS)
    project.fg_c(SCORED)
    project.inventory("2026-02", {"10.0.0.2": "VDI-2", "10.0.0.3": "server"})
    register_commits(project.run("fg_b_builder"))
    return project


@pytest.mark.parametrize("dataset", BASELINES, ids=lambda dataset: dataset.name)
def test_tables_of_baselines_have_every_baseline(project: Project, dataset: Dataset) -> None:
    tables = []
    for target in TARGETS:
        partition = newest_baseline(project.uri("fg_b"), target.horizon, target.end)
        assert partition
        tables.append(read_table(partition.uri, partition.manifest, dataset))
    wanted = ordered(dataset, pa.concat_tables(tables))
    assert wanted
    assert by_pyiceberg(dataset) == wanted
    # Without a look into a file, by the bounds of the entries, one baseline is told from the others.
    one = table(table_name(dataset.name)).scan("baseline_horizon = '30d'")
    assert [task.file.partition[0] for task in one.plan_files()] == [(LEARNT.end.date() - date(1970, 1, 1)).days]


@pytest.mark.parametrize("dataset", SCORES, ids=lambda dataset: dataset.name)
def test_tables_of_scores_have_their_windows(project: Project, dataset: Dataset) -> None:
    # Scores of the day before are repaired, too.
    wanted = by_manifests(project.uri("fg_c"), dataset, Interval(LEARNT.start, SCORED.end))
    assert wanted
    assert by_pyiceberg(dataset) == wanted


def test_the_table_of_the_inventory_has_every_month(project: Project) -> None:
    rows = by_pyiceberg(MACHINE_INVENTORY)
    assert [(row["snapshot_month"], row["machine_name"]) for row in rows] == [
        ("2026-01", "VDI-1"),
        ("2026-02", "VDI-2"),
        ("2026-02", "server"),
    ]


def test_the_tables_have_the_names_by_which_people_read_them(project: Project) -> None:
    assert sorted(name for _, name in catalog().list_tables(DATABASE)) == sorted(TABLE_NAMES)


def test_nothing_is_left_to_register_and_again_changes_nothing(project: Project) -> None:
    names = [table_name(dataset.name) for dataset in (*BASELINES, *SCORES, MACHINE_INVENTORY)]
    before = [table(name).current_snapshot() for name in names]
    assert not [each for folder in ("deltas", "fg_a", "fg_b", "fg_c") for each in unregistered(project.uri(folder))]
    register_days(project.run("compaction"), LEARNT)
    register_commits(project.run("fg_b_builder"))
    assert [table(name).current_snapshot() for name in names] == before


def test_jobs_that_others_follow_leave_it_to_them(project: Project) -> None:
    project.fifteen_minute_steps(SCORED)
    before = table("deltas").current_snapshot()
    for job in ("delta_builder", "fg_a_builder", "pair_counts_builder"):  # the project has a JobSpec of FG-C
        register_commits(project.run(job))
    assert table("deltas").current_snapshot() == before
    register_commits(project.run("fg_c_builder"))
    assert table("deltas").current_snapshot() != before


def test_a_registration_that_fails_is_counted_and_caught_up(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    known = os.environ[TABLES_CATALOG]
    project.fifteen_minute_steps(SCORED)
    os.environ[TABLES_CATALOG] = "sqlite:////nowhere/tables.db"
    register_commits(project.run("fg_c_builder"))
    assert '"TablesFailed":[1.0]' in capsys.readouterr().out
    assert unregistered(project.uri("deltas"))

    os.environ[TABLES_CATALOG] = known
    register_commits(project.run("fg_c_builder"))
    out = capsys.readouterr().out
    assert '"TablesFailed":[0.0]' in out
    assert '"TablesFailed":[1.0]' not in out
    assert not unregistered(project.uri("deltas"))


def test_without_a_catalog_nothing_is_announced_and_the_log_says_so_once(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    del os.environ[TABLES_DATABASE]
    project.fifteen_minute_steps(SCORED)
    register_commits(project.run("fg_c_builder"))
    assert [record.message for record in caplog.records if "tables" in record.message] == ["no tables"]
    assert not unregistered(project.uri("deltas"))


def test_columns_that_a_jobspec_leaves_out_are_null(project: Project) -> None:
    rows = table("fg_b_host").scan(selected_fields=("deny_cnt_median", "sessions_cnt_median", "dt")).to_arrow()
    assert rows["deny_cnt_median"].null_count == rows.num_rows
    assert rows["sessions_cnt_median"].null_count < rows.num_rows
    assert set(rows["dt"].to_pylist()) == {target.end.date() for target in TARGETS}


def test_spark_reads_the_same_rows(project: Project, tmp_path: Path) -> None:
    if not SPARK.exists():
        pytest.skip(f"{SPARK} does not exist: make .tools/iceberg-spark/.ready")
    jars = fetched(Path(__file__).with_name("iceberg_jars.lock"), "Iceberg")
    datasets = (*SCORES, BASELINES[-1], MACHINE_INVENTORY)
    ended = subprocess.run(
        [
            *(str(SPARK), str(Path(__file__).with_name("iceberg_in_spark.py")), str(tmp_path)),
            *(f"{dataset.name}={table(table_name(dataset.name)).metadata_location}" for dataset in datasets),
        ],
        env=os.environ
        | {
            "PYSPARK_PYTHON": str(SPARK),
            "PYSPARK_SUBMIT_ARGS": f"--driver-memory 1g --jars {','.join(map(str, jars))} pyspark-shell",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[:6000] + ended.stdout
    for dataset in datasets:
        rows = pq.read_table(tmp_path / f"{dataset.name}.parquet")
        assert ordered(dataset, rows) == by_pyiceberg(dataset), dataset.name
        every_day = f"dt >= '{START:%Y-%m-%d}' or dt < '{START:%Y-%m-%d}'"
        assert rows.num_rows == table(table_name(dataset.name)).scan(every_day).count()
        assert rows["dt"].null_count == 0
