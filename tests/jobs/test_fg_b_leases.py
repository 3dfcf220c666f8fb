"""Baselines under leases: who builds, who publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from tests.jobs.job_chain import Project, random_flows
from tests.jobs.ledger_table import Clock, table
from tests.jobs.pending_commits import pending_commit

from ndr.contract.datasets import FG_B
from ndr.contract.errors import PublishConflictError
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, Interval, parse_instant
from ndr.jobs.claims import LeaseHeld, LeaseKey
from ndr.jobs.fg_b.job import lease_key
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.leases import LEASE, Leases
from ndr.jobs.run import Run
from ndr.store.catalog import newest_baseline
from ndr.store.pending_commit import PendingCommit

__all__ = ["table"]  # a fixture
START = parse_instant("2026-01-05")
DAYS = Interval(START, START + 3 * DAY)
TARGET = Target(DAYS.end, "7d")
KEY = lease_key(Run("fg_b_builder", "ndr-test", "v1", cast(Any, None)), TARGET)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    changes = {
        "fg_a_builder": {"windows": ["15m"]},
        "fg_b_builder": {"metrics": ["sessions_cnt"], "capping": {"key_metrics": ["sessions_cnt"]}},
    }
    project = Project(tmp_path_factory.mktemp("project"), changes)
    for number, day in enumerate(DAYS.steps(DAY)):
        project.deliver(day, random_flows(day, 60, seed=number))
    project.fifteen_minute_steps(DAYS)
    return project


def leases(table: Any, project: Project, holder: str, clock: Clock, **more: Any) -> Leases:
    return Leases(table, project.run("fg_b_builder"), holder, clock=clock, **more)


def item(table: Any) -> dict[str, Any]:
    (found,) = (each for each in table.scan()["Items"] if "status" in each)
    return dict(found)


def test_one_run_builds_and_the_other_names_it(table: Any, project: Project) -> None:
    clock = Clock()
    first, second = leases(table, project, "arn:1", clock), leases(table, project, "arn:2", clock)
    assert first.claim(KEY) is None
    ((target, outcome),) = project.baselines([TARGET], second)
    assert isinstance(outcome, LeaseHeld)
    assert (target, outcome.holder, outcome.until) == (TARGET, "arn:1", "2026-02-01T00:15:00Z")
    assert str(outcome) == "7d ending 2026-01-08T00:00:00Z is held by arn:1 until 2026-02-01T00:15:00Z"
    assert newest_baseline(project.uri("fg_b"), "7d", TARGET.end) is None
    ((_, built),) = project.baselines([TARGET], first)
    assert isinstance(built, Manifest)
    first.record(KEY, {"status": "completed", "run_id": built.run_id, "processing_job": None})
    assert {name: item(table).get(name) for name in ("status", "run_id", "holder", "lease_until", "lease_id")} == {
        "status": "completed",
        "run_id": built.run_id,
        "holder": None,
        "lease_until": None,
        "lease_id": None,
    }
    assert second.claim(KEY) is None


def test_a_run_that_lost_its_lease_does_not_publish(table: Any, project: Project, tmp_path: Path) -> None:
    clock = Clock()
    first, second = leases(table, project, "arn:1", clock), leases(table, project, "arn:2", clock)
    first.claim(KEY)
    ((_, before),) = project.baselines([TARGET])
    clock.move(LEASE)
    assert second.claim(KEY) is None
    first.renew()
    with pytest.raises(PublishConflictError, match="7d ending 2026-01-08T00:00:00Z was taken over by arn:2"):
        first.fence(KEY, pending_commit(project.run("fg_b_builder"), FG_B, DAYS), horizon="7d")
    with pytest.raises(PublishConflictError, match="Start the request again"):
        first.record(KEY, {"status": "completed"})
    partition = newest_baseline(project.uri("fg_b"), "7d", TARGET.end)
    assert partition is not None
    assert isinstance(before, Manifest)
    assert partition.manifest.run_id == before.run_id
    second.fence(KEY, pending_commit(project.run("fg_b_builder"), FG_B, DAYS), horizon="7d")


def test_taken_over_while_it_is_built_is_caught_before_the_commit(table: Any, project: Project) -> None:
    clock = Clock()
    second = leases(table, project, "arn:2", clock)

    class Overtaken(Leases):
        """Loses its lease between claim and commit."""

        def fence(self, key: LeaseKey, pending: PendingCommit, /, **facts: Any) -> None:
            clock.move(LEASE)
            assert second.claim(key) is None
            super().fence(key, pending, **facts)

    ((_, before),) = project.baselines([TARGET])
    first = Overtaken(table, project.run("fg_b_builder"), "arn:1", clock=clock)
    with pytest.raises(PublishConflictError):
        project.baselines([TARGET], first)
    partition = newest_baseline(project.uri("fg_b"), "7d", TARGET.end)
    assert partition is not None
    assert isinstance(before, Manifest)
    assert partition.manifest.run_id == before.run_id
