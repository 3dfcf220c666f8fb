from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ministack_sagemaker.patches.embedded_metrics import Datum, embedded_metrics
from ndr.contract.manifest import FileEntry, Manifest, RowAccount, TableEntry
from ndr.jobs.metrics import (
    count_baseline,
    count_partition,
    count_run,
    count_tables,
    measure_baseline_age,
    measure_inventory_age,
)
from ndr.jobs.run import Run, job_logger

EXECUTION = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/ndr-15m-pipeline/execution/abc123"


@pytest.fixture(autouse=True)
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder and environment of a Processing container."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "processingjobconfig.json").write_text(json.dumps({"ProcessingJobName": "pipelines-abc123"}))
    monkeypatch.setenv("NDR_OPT_ML", str(tmp_path))
    monkeypatch.setenv("NDR_PIPELINE_EXECUTION", EXECUTION)


def run() -> Run:
    table: Any = None
    return Run("delta_builder", "ndr-test", "v1", table)


def manifest(rows: RowAccount | None) -> Manifest:
    start, end = datetime(2026, 1, 31, 6, tzinfo=UTC), datetime(2026, 1, 31, 6, 15, tzinfo=UTC)
    tables = {
        name: TableEntry(rows=count, schema_sha256="0", files=(FileEntry(path=name, rows=count, bytes=1),))
        for name, count in (("deltas", 7), ("peers", 9))
    }
    return Manifest(
        dataset="deltas",
        project_name="ndr-test",
        feature_spec_version="v1",
        start=start,
        end=end,
        tables=tables,
        rows=rows,
        coverage=0.75,
        code_version="c",
        run_id="r",
        published_at=end,
    )


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_partition_is_reported_with_rows_coverage_and_what_was_quarantined(
    capsys: pytest.CaptureFixture[str],
) -> None:
    count_partition(run(), manifest(RowAccount(rows_in=40, rows_used=35, rows_quarantined=5)))
    printed = lines(capsys)
    of_deltas = {"project": "ndr-test", "dataset": "deltas"}
    assert [datum for line in printed for datum in embedded_metrics(line)] == [
        Datum("ndr", "Rows", 7.0, "Count", of_deltas),
        Datum("ndr", "Rows", 9.0, "Count", {"project": "ndr-test", "dataset": "peers"}),
        Datum("ndr", "PartitionsPublished", 1.0, "Count", of_deltas),
        Datum("ndr", "Coverage", 75.0, "Percent", of_deltas),
        Datum("ndr", "QuarantinedShare", 12.5, "Percent", of_deltas),
    ]
    for line in printed:
        assert json.loads(line)["processing_job"] == "pipelines-abc123"
        assert json.loads(line)["pipeline_execution"] == EXECUTION


@pytest.mark.parametrize("rows", [None, RowAccount(rows_in=0, rows_used=0, rows_quarantined=0)])
def test_a_partition_without_rows_in_has_no_share(capsys: pytest.CaptureFixture[str], rows: RowAccount | None) -> None:
    count_partition(run(), manifest(rows))
    assert "QuarantinedShare" not in "".join(lines(capsys))


@pytest.mark.parametrize(
    ("month", "used", "age"),
    [("2026-02", "2026-02", [0.0]), ("2026-02", "2025-11", [3.0]), ("2026-02", None, [])],
)
def test_the_inventory_is_as_old_as_the_months_between(
    capsys: pytest.CaptureFixture[str], month: str, used: str | None, age: list[float]
) -> None:
    measure_inventory_age(run(), month, used)
    assert [datum.value for line in lines(capsys) for datum in embedded_metrics(line)] == age


@pytest.mark.parametrize("failed", [False, True])
def test_tables_that_fail_are_counted_by_dataset_and_for_the_project(
    capsys: pytest.CaptureFixture[str], failed: bool
) -> None:
    count_tables(run(), "fg_a", failed)
    found = {
        (datum.name, *sorted(datum.dimensions)): datum.value
        for line in lines(capsys)
        for datum in embedded_metrics(line)
    }
    assert found == {
        ("TablesRegistered", "dataset", "project"): not failed,
        ("TablesFailed", "dataset", "project"): failed,
        ("TablesFailed", "project"): failed,
    }


def test_a_horizons_age_is_reported_in_days(capsys: pytest.CaptureFixture[str]) -> None:
    measure_baseline_age(run(), "30d", 8)
    (line,) = lines(capsys)
    of_horizon = {"project": "ndr-test", "horizon": "30d"}
    assert list(embedded_metrics(line)) == [Datum("ndr", "BaselineAgeDays", 8.0, "Count", of_horizon)]


def test_baselines_and_job_ends_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    count_baseline(run(), "7d", "REGULAR")
    count_run("ndr-test", "fg_b_builder", 12.5, failed=True)
    of_job = {"project": "ndr-test", "job": "fg_b_builder"}
    assert [datum for line in lines(capsys) for datum in embedded_metrics(line)] == [
        Datum("ndr", "BaselinesPublished", 1.0, "Count", {"project": "ndr-test", "horizon": "7d", "mode": "REGULAR"}),
        Datum("ndr", "JobSeconds", 12.5, "Seconds", of_job),
        Datum("ndr", "JobFailures", 1.0, "Count", of_job),
    ]


@pytest.mark.parametrize("line", ["started", '{"_aws": 1}', '{"_aws": {"Timestamp": 1}}', 'x "_aws"'])
def test_other_lines_are_no_metrics(line: str) -> None:
    assert list(embedded_metrics(line)) == []


def test_every_line_of_a_jobs_log_carries_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    log = job_logger("a_job_of_this_test")
    log.append_keys(mini_batch_id="20260131T060000Z-PT15M")
    job_logger("a_job_of_this_test").info("published")
    line = json.loads(lines(capsys)[-1])
    assert line["message"] == "published"
    assert (line["processing_job"], line["pipeline_execution"]) == ("pipelines-abc123", EXECUTION)
    assert line["mini_batch_id"] == "20260131T060000Z-PT15M"
