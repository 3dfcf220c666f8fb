"""The daily report: where it is written, and that it fails nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from tests.jobs.job_chain import Project
from tests.report.built import LEARNT, built_project, jobspecs_of
from tests.report.reading import Page

from ndr.contract.ledger import ledger_item, ledger_key
from ndr.contract.manifest import MANIFEST_NAME
from ndr.jobs.report.job import publish_report
from ndr.jobs.run_report import run_without_failing
from ndr.local.deployment.published import published_tables
from ndr.store import aws

NOW = datetime(2026, 1, 20, tzinfo=UTC)
ARGUMENTS = ["--project-name", "ndr-test", "--feature-spec-version", "v1", "--stack-name", "none"]
KEYS = {"jobspecs": ("project_name", "job_name_version"), "ledger": ("series", "as_of")}


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Empty tables of JobSpecs and of the ledger, and a place for the job's message."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NDR_OPT_ML", str(tmp_path / "opt"))
    with mock_aws():
        aws.forget_session()
        made = {}
        for name, keys in KEYS.items():
            made[name] = boto3.resource("dynamodb").create_table(
                TableName=f"ndr-{name}",
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                BillingMode="PAY_PER_REQUEST",
            )
        yield made
    aws.forget_session()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return built_project(tmp_path_factory.mktemp("daily"))


def test_report_lies_beside_the_baselines_and_knows_the_ledger(project: Project, tables: dict[str, Any]) -> None:
    tables["ledger"].put_item(Item=ledger_item(ledger_key("ndr-test", "v1", "fg_b", "7d", LEARNT.end), "completed"))
    uri = publish_report(project.run("report"), tables["ledger"], None, NOW)
    assert uri == project.uri("report") + "ndr-test-v1.html"
    document = Page.of((project.root / "report" / "ndr-test-v1.html").read_text()).document
    assert document["operations"]["grid"] == [["7d", LEARNT.end.timestamp(), "completed", None]]
    assert "without the name of a stack" in document["operations"]["note"]
    assert document["hosts"]["hosts_scored"] > 5


def test_stack_that_cannot_be_read_is_told(
    project: Project, tables: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", "http://127.0.0.1:9")  # nothing listens there
    publish_report(project.run("report"), tables["ledger"], "nowhere", NOW)
    told = Page.of((project.root / "report" / "ndr-test-v1.html").read_text()).document["operations"]
    assert told["executions"] == []
    assert "The executions of the stack 'nowhere' could not be read" in told["note"]


def test_a_manifest_that_is_none_stops_neither_the_report_nor_the_status(
    project: Project, tables: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A newer day, of which nothing can be read, is named and passed over."""
    broken = [
        project.root / name / "dt=2026-02-27" / "20260227T000000Z-PT1440M"
        for name in ("deltas", "fg_a", "pair_counts", "fg_c")
    ] + [project.root / "machine_inventory" / "reference_month=2026-02"]
    rows = {each.dataset: each.rows for each in published_tables(jobspecs_of(project))}
    try:
        for folder in broken:
            folder.mkdir(parents=True)
            (folder / MANIFEST_NAME).write_text("nonsense")
        publish_report(project.run("report"), tables["ledger"], None, NOW)
        assert {each.dataset: each.rows for each in published_tables(jobspecs_of(project))} == rows
    finally:
        for folder in broken:
            shutil.rmtree(folder)
    document = Page.of((project.root / "report" / "ndr-test-v1.html").read_text()).document
    assert document["hosts"]["hosts_scored"] > 5
    passed_over = {record.getMessage() for record in caplog.records if "passed over" in record.getMessage()}
    for folder in broken:
        assert any(f"{folder.name}/{MANIFEST_NAME} is not a manifest" in message for message in passed_over), folder


def test_report_that_fails_ends_well_and_says_why(
    tables: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_without_failing(ARGUMENTS)
    assert "JobSpecInvalidError" in (tmp_path / "opt" / "output" / "message").read_text()
    failures = [
        json.loads(line)["JobFailures"] for line in capsys.readouterr().out.splitlines() if '"JobFailures":' in line
    ]
    assert failures == [[1.0]]


def test_wrong_arguments_are_a_failure(tables: dict[str, Any]) -> None:
    with pytest.raises(SystemExit):
        run_without_failing(["--project-name", "p"])
