"""A job that dies at any request to the ledger: each of its publications is told once, by it or after it."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws
from tests.jobs.job_chain import Project, random_flows, spelled
from tests.jobs.ledger_table import create_ledger
from tests.planning.test_planning_claims import States

from ndr.contract.datasets import DELTAS, FG_A, FG_B, PAIR_COUNTS
from ndr.contract.events import events_series, publication_id
from ndr.contract.manifest import MANIFEST_NAME, parse_manifest
from ndr.contract.time import SLICE, Interval, format_instant, mini_batch_id, parse_instant
from ndr.jobs import run_delta_builder, run_fg_a_builder, run_fg_b_builder, run_pair_counts_builder
from ndr.planner.commits import LONGEST, Commits
from ndr.planner.waiting_events import forget_events, take_events

START = parse_instant("2026-01-05T06:15:00Z")
BATCH = Interval(START, START + SLICE)
HOLDER = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/ndr-15m/execution/e1"
PROJECT = ("ndr-test", "v1")
OF_BATCH: Any = Namespace(
    mini_batch_id=mini_batch_id(BATCH),
    **dict(zip(("batch_start_ts_iso", "batch_end_ts_iso"), spelled(BATCH), strict=True)),
    replace_with_empty="false",
)
OF_BASELINE: Any = Namespace(
    baseline_horizon="7d",
    baseline_mode="REGULAR",
    baseline_end_ts_iso=format_instant(parse_instant("2026-01-06T00:00:00Z")),
    backfill_start_ts_iso="none",
    backfill_end_ts_iso="none",
)
JOBS: dict[str, tuple[str, Any, Any]] = {
    DELTAS.name: ("delta_builder", run_delta_builder.job, OF_BATCH),
    FG_A.name: ("fg_a_builder", run_fg_a_builder.job, OF_BATCH),
    PAIR_COUNTS.name: ("pair_counts_builder", run_pair_counts_builder.job, OF_BATCH),
    FG_B: ("fg_b_builder", run_fg_b_builder.job, OF_BASELINE),
}


class Died(BaseException):
    """The process is gone: no handler of the job runs."""


class Files:
    """S3, as far as manifests are read: the bucket of a URI without one is this machine's root."""

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        path = Path("/", Bucket, Key)
        if not path.exists():
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "NoSuchKey"}}, "GetObject")
        return {"Body": BytesIO(path.read_bytes())}


class Ended:
    """SageMaker, in which every execution has ended."""

    def describe_pipeline_execution(self, *, PipelineExecutionArn: str) -> Any:  # noqa: N803
        return {"PipelineExecutionStatus": "Stopped"}


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NDR_LEDGER_TABLE", "ledger")
    monkeypatch.setenv("NDR_PIPELINE_EXECUTION", HOLDER)
    with mock_aws():
        yield create_ledger("ledger")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    changes = {
        "fg_a_builder": {"windows": ["15m"]},
        "fg_b_builder": {
            "metrics": ["sessions_cnt"], "capping": {"key_metrics": ["sessions_cnt"]}, "min_coverage": 0.0
        },
    }  # fmt: skip
    project = Project(tmp_path_factory.mktemp("project"), changes)
    project.deliver(BATCH, random_flows(BATCH, 40, seed=1))
    project.fifteen_minute_steps(BATCH)
    project.inventory("2026-01", {})
    return project


@contextmanager
def dying(at: int, *, after: bool) -> Iterator[list[str]]:
    """Die at the given write to the ledger, before it is done or after it; yields the writes."""
    called: list[str] = []
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def counted(client: Any, operation: str, request: Any) -> Any:
        if operation != "UpdateItem":
            return call(client, operation, request)
        called.append(operation)
        if len(called) == at and not after:
            raise Died
        try:
            return call(client, operation, request)
        finally:
            if len(called) == at:
                raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", counted)
        yield called


def published(project: Project, dataset: str) -> set[str]:
    """Return the ids of what is published of a dataset now."""
    paths = Path(urlsplit(project.uri(dataset)).path).rglob(MANIFEST_NAME)
    found = [parse_manifest(str(path), path.read_bytes()) for path in paths]
    return {publication_id(each.dataset, each.run_id) for each in found}


def told(ledger: Any, now: datetime) -> list[str]:
    """Send what is due, as a machine does; returns the ids."""
    sent: list[str] = []
    while taken := take_events(ledger, States(), Commits(Files(), Ended()), PROJECT, "machine", now):
        sent += [json.loads(each.detail)["id"] for each in taken]
        forget_events(ledger, PROJECT, "machine", [each.key for each in taken])
    return sent


@pytest.mark.parametrize("sent_between", [True, False], ids=["sent between the runs", "sent at the end"])
@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("dataset", JOBS)
def test_each_publication_is_told_once_wherever_a_job_dies(
    project: Project, ledger: Any, dataset: str, after: bool, sent_between: bool
) -> None:
    name, job, arguments = JOBS[dataset]
    seen, sent, deaths = published(project, dataset), [], 0
    ever: set[str] = set()
    for at in count(1):
        try:
            with dying(at, after=after):
                job(project.run(name), arguments)
        except Died:
            deaths += 1
        ever |= published(project, dataset) - seen
        if sent_between:
            sent += told(ledger, datetime.now(UTC))
            assert Counter(sent) == Counter(ever), "told without another run of the job"
        if deaths < at:
            break
    sent += told(ledger, datetime.now(UTC))
    assert deaths >= 4, "a claim, a fence, an event before the commit and after it, a record"
    assert len(ever) > 1
    assert Counter(sent) == Counter(ever)
    told(ledger, datetime.now(UTC) + 2 * LONGEST)
    series = events_series(*PROJECT)
    assert not [item for item in ledger.scan()["Items"] if item["series"] == series], "an event waits for ever"
