"""Two runs of one job for one interval, through the entry points: the second fails by name, or does not publish."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from tests.jobs.job_chain import Project, random_flows, spelled
from tests.jobs.ledger_table import create_ledger

from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS
from ndr.contract.errors import PublishConflictError
from ndr.contract.events import events_series
from ndr.contract.time import DAY, SLICE, Interval, mini_batch_id, parse_instant
from ndr.jobs import run_delta_builder, run_fg_a_builder, run_pair_counts_builder
from ndr.jobs.claims import LeaseHeld, LeaseKey
from ndr.jobs.leases import LEASE, Leases
from ndr.jobs.run import Run
from ndr.store.catalog import published_pieces
from ndr.store.pending_commit import PendingCommit

START = parse_instant("2026-01-05T06:15:00Z")
BATCH = Interval(START, START + SLICE)
JOBS = {
    DELTAS.name: ("delta_builder", run_delta_builder.job),
    FG_A.name: ("fg_a_builder", run_fg_a_builder.job),
    PAIR_COUNTS.name: ("pair_counts_builder", run_pair_counts_builder.job),
}
ARGUMENTS: Any = Namespace(
    mini_batch_id=mini_batch_id(BATCH),
    **dict(zip(("batch_start_ts_iso", "batch_end_ts_iso"), spelled(BATCH), strict=True)),
    replace_with_empty="false",
)


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NDR_LEDGER_TABLE", "ledger")
    monkeypatch.setenv("NDR_PIPELINE_EXECUTION", "arn:second")
    with mock_aws():
        yield create_ledger("ledger")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path, {"fg_a_builder": {"windows": ["15m"]}})
    project.deliver(BATCH, random_flows(BATCH, 40, seed=1))
    project.fifteen_minute_steps(BATCH)
    return project


def published(project: Project, dataset: str) -> list[str]:
    return [piece.partition.manifest.run_id for piece in published_pieces(project.uri(dataset), BATCH)]


def rival(run: Run, ledger: Any) -> Leases:
    return Leases(ledger, run, "arn:first")


@pytest.mark.parametrize("dataset", JOBS)
def test_the_second_of_two_runs_fails_by_name_and_publishes_nothing(
    project: Project, ledger: Any, dataset: str
) -> None:
    name, job = JOBS[dataset]
    run, before = project.run(name), published(project, dataset)
    first = rival(run, ledger)
    key = run.lease_key(dataset, BATCH)
    assert first.claim(key) is None
    with pytest.raises(
        PublishConflictError, match=rf"{dataset} of .* is held by arn:first until .*\. Wait until"
    ) as said:
        job(run, ARGUMENTS)
    assert str(BATCH) in str(said.value)
    assert published(project, dataset) == before
    first.record(key, {"status": "failed"})
    job(run, ARGUMENTS)
    (run_id,) = published(project, dataset)
    assert [run_id] != before
    event, item = sorted(ledger.scan()["Items"], key=lambda each: "status" in each)
    assert (item["series"], item["as_of"]) == (f"ndr-test#v1#{dataset}", "20260105T061500Z-PT15M")
    assert (item["status"], item["run_id"]) == ("completed", run_id)
    assert not {"holder", "lease_id", "lease_until"} & item.keys()
    # The event of the one publication waits, and its partition is where the manifest is.
    detail = json.loads(event["detail"])
    assert (event["series"], detail["run_id"], detail["dataset"]) == (events_series("ndr-test", "v1"), run_id, dataset)
    assert [piece.partition.uri for piece in published_pieces(project.uri(dataset), BATCH)] == [detail["uri"]]


@pytest.mark.parametrize("dataset", JOBS)
def test_a_run_that_is_overtaken_while_it_builds_publishes_nothing(project: Project, ledger: Any, dataset: str) -> None:
    name, job = JOBS[dataset]
    run, before = project.run(name), published(project, dataset)

    class Overtaken(Leases):
        """Is overtaken between claim and commit, as if it had stood still for longer than its lease."""

        def fence(self, key: LeaseKey, pending: PendingCommit, /, **facts: Any) -> None:
            late = rival(self.run, ledger)
            late.clock = lambda: self.clock() + 2 * LEASE
            assert late.claim(key) is None
            super().fence(key, pending, **facts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ndr.jobs.leases.Leases", Overtaken)
        with pytest.raises(PublishConflictError, match=f"{dataset} of .* was taken over by arn:first"):
            job(run, ARGUMENTS)
    assert published(project, dataset) == before


def test_a_batch_of_days_is_claimed_whole_before_any_of_it_is_built(project: Project, ledger: Any) -> None:
    days = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-08"))
    project.deliver(days, random_flows(days, 30, seed=2))
    run = project.run("delta_builder")
    assert rival(run, ledger).claim(run.lease_key(DELTAS.name, Interval(days.end - DAY, days.end))) is None
    arguments: Any = Namespace(
        **vars(ARGUMENTS)
        | {"mini_batch_id": mini_batch_id(days)}
        | dict(zip(("batch_start_ts_iso", "batch_end_ts_iso"), spelled(days), strict=True))
    )
    before = published(project, "deltas")
    with pytest.raises(PublishConflictError, match=r"deltas of \[2026-01-07.*2026-01-08.* is held by arn:first"):
        run_delta_builder.job(run, arguments)
    assert published(project, "deltas") == before
    assert len(published_pieces(project.uri("deltas"), days)) == 1
    statuses = {item["as_of"]: item["status"] for item in ledger.scan()["Items"]}
    assert statuses == {
        "20260105T000000Z-PT1440M": "failed",
        "20260106T000000Z-PT1440M": "failed",
        "20260107T000000Z-PT1440M": "running",
    }


def test_other_intervals_and_other_datasets_are_free(project: Project, ledger: Any) -> None:
    run = project.run("delta_builder")
    held: Callable[[str, Interval], LeaseHeld | None] = lambda dataset, interval: Leases(  # noqa: E731
        ledger, run, "arn:third"
    ).claim(run.lease_key(dataset, interval))
    assert rival(run, ledger).claim(run.lease_key(DELTAS.name, BATCH)) is None
    assert held(DELTAS.name, BATCH) is not None
    assert held(FG_A.name, BATCH) is None
    assert held(DELTAS.name, Interval(BATCH.end, BATCH.end + SLICE)) is None
    assert held(DELTAS.name, Interval(BATCH.start, BATCH.end + timedelta(minutes=15))) is None
    assert replace(run, project_name="other").lease_key(DELTAS.name, BATCH) != run.lease_key(DELTAS.name, BATCH)
