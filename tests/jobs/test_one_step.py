"""The container of the 15-minute pipeline's one step: it publishes what three containers do, and fails as they do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer
from tests.jobs.job_chain import Project, random_flows, spelled
from tests.jobs.ledger_table import create_ledger

from ndr import jobs
from ndr.contract.datasets import DELTAS, FG_A, FG_C_HOSTS, PAIR_COUNTS, PEER_DELTAS
from ndr.contract.fifteen_minutes import BATCH_JOBS, SCORED_BATCH_JOBS, SINGLE_STEP_SCRIPT
from ndr.contract.time import Interval, mini_batch_id, parse_instant
from ndr.store.scan import Scan

SCRIPTS = Path(next(iter(jobs.__path__)))
START = parse_instant("2026-01-05T23:30:00Z")
BATCH = Interval(START, parse_instant("2026-01-06T00:15:00Z"))  # cut at midnight into two partitions
COMPARED = {DELTAS: "deltas", PEER_DELTAS: "deltas", FG_A: "fg_a", PAIR_COUNTS: "pair_counts", FG_C_HOSTS: "fg_c"}


@dataclass(frozen=True)
class Container:
    """One container of a project: its /opt/ml, and the tables that its jobs read."""

    project: Project
    opt_ml: Path
    environment: dict[str, str]

    def run(self, script: str) -> int:
        """Run an entry script as the step does; return its exit code."""
        start, end = spelled(BATCH)
        arguments = [
            *("--project-name", "ndr-test", "--feature-spec-version", "v1", "--mini-batch-id", mini_batch_id(BATCH)),
            *("--batch-start-ts-iso", start, "--batch-end-ts-iso", end, "--replace-with-empty", "false"),
        ]
        command = [sys.executable, str(SCRIPTS / script), *arguments]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        (self.opt_ml / "log").write_text(ended.stdout + ended.stderr)
        return ended.returncode

    @property
    def message(self) -> str:
        return (self.opt_ml / "output" / "message").read_text()

    def rows(self) -> dict[str, pa.Table]:
        found = {}
        for dataset, folder in COMPARED.items():
            rows = Scan.of(self.project.uri(folder), dataset, BATCH).read()
            found[dataset.name] = rows.sort_by([(name, "ascending") for name in dataset.key])
        return found

    def logged(self, key: str) -> list[Any]:
        """Return the values of a key in the JSON lines of the log."""
        lines = (self.opt_ml / "log").read_text().splitlines()
        documents = [json.loads(line) for line in lines if line.startswith("{")]
        return [document[key] for document in documents if key in document]

    def forget(self, job: str) -> None:
        """Delete a job's JobSpec, without which it fails."""
        resource = boto3.resource("dynamodb")  # of the endpoint in the environment
        resource.Table(self.environment["NDR_JOBSPEC_TABLE"]).delete_item(
            Key={"project_name": "ndr-test", "job_name_version": f"{job}#v1"}
        )


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def containers(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that makes a container with a project of its own, each with the same flows."""
    account = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in account.items():
        monkeypatch.setenv(name, value)
    dynamodb = boto3.client("dynamodb")

    def container(name: str) -> Container:
        project = Project(tmp_path / name, {"fg_a_builder": {"windows": ["15m", "1h"]}})
        project.deliver(BATCH, random_flows(BATCH, 200, seed=3))
        opt_ml = tmp_path / f"{name}-opt-ml"
        opt_ml.mkdir()
        tables = {"NDR_JOBSPEC_TABLE": f"jobspecs-{tmp_path.name}-{name}", "NDR_LEDGER_TABLE": f"ledger-{name}"}
        keys = {"project_name": "HASH", "job_name_version": "RANGE"}
        dynamodb.create_table(
            TableName=tables["NDR_JOBSPEC_TABLE"],
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        )
        table = boto3.resource("dynamodb").Table(tables["NDR_JOBSPEC_TABLE"])
        for item in project.table.items.values():
            table.put_item(Item=item)
        if tables["NDR_LEDGER_TABLE"] not in dynamodb.list_tables()["TableNames"]:
            create_ledger(tables["NDR_LEDGER_TABLE"])
        return Container(project, opt_ml, {**os.environ, **account, **tables, "NDR_OPT_ML": str(opt_ml)})

    return container


def test_one_container_publishes_what_three_publish(containers: Any) -> None:
    one, three = containers("one"), containers("three")
    assert one.run(SINGLE_STEP_SCRIPT) == 0, (one.opt_ml / "log").read_text()
    assert [three.run(each.script) for each in SCORED_BATCH_JOBS] == [0, 0, 0, 0]
    published, expected = one.rows(), three.rows()
    assert all(rows.num_rows > 0 for rows in expected.values())
    assert published == expected
    # Each job measures itself, under its own name, as it does in a container of its own.
    assert one.logged("job") == [each.job for each in SCORED_BATCH_JOBS]
    assert len(one.logged("JobSeconds")) == len(SCORED_BATCH_JOBS)


def test_pair_counts_are_published_although_fg_a_fails(containers: Any) -> None:
    container = containers("fg-a-fails")
    container.forget("fg_a_builder")
    assert container.run(SINGLE_STEP_SCRIPT) == 1
    assert container.message.startswith("fg_a_builder: JobSpecNotFoundError: ")
    published = {name: rows.num_rows for name, rows in container.rows().items()}
    assert (published.pop("fg_a"), published.pop("hosts")) == (0, 0)  # scores are left out without their features
    assert all(published.values())


def test_nothing_else_is_built_when_the_deltas_fail(containers: Any) -> None:
    container = containers("deltas-fail")
    container.forget("delta_builder")
    container.forget("fg_c_builder")  # a project without scores
    assert container.run(SINGLE_STEP_SCRIPT) == 1
    assert container.message.startswith("delta_builder: JobSpecNotFoundError: ")
    assert container.logged("job") == [each.job for each in BATCH_JOBS]
    assert container.logged("because_of") == [["delta_builder"], ["delta_builder"]]
    assert not any(rows.num_rows for rows in container.rows().values())
