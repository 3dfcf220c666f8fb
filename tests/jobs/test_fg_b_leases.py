"""Leases on a real table (moto's): who builds, who waits, who may publish."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.errors import PublishConflictError
from ndr.contract.ledger import row_of
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, Interval, parse_instant
from ndr.jobs.fg_b.leases import LEASE, LeaseHeld, Leases
from ndr.jobs.fg_b.targets import Target
from ndr.store.catalog import newest_baseline

START = parse_instant("2026-01-05")
DAYS = Interval(START, START + 3 * DAY)
TARGET = Target(DAYS.end, "7d")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = parse_instant("2026-02-01")

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def table() -> Iterator[Any]:
    with mock_aws():
        yield boto3.resource("dynamodb", region_name="us-east-1").create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("series", "as_of")],
            KeySchema=[
                {"AttributeName": "series", "KeyType": "HASH"},
                {"AttributeName": "as_of", "KeyType": "RANGE"},
            ],
        )


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Project:
    changes = {
        "fg_a_builder": {"windows": ["15m"]},
        "fg_b_builder": {"metrics": ["sessions_cnt"], "capping": {"key_metrics": ["sessions_cnt"]}},
    }
    project = Project(tmp_path_factory.mktemp("office"), changes)
    for number, day in enumerate(DAYS.steps(DAY)):
        project.deliver(day, random_flows(day, 60, seed=number))
    project.fifteen_minute_steps(DAYS)
    return project


def leases(table: Any, office: Project, holder: str, clock: Clock, **more: Any) -> Leases:
    return Leases(table, office.run("fg_b_builder"), holder, clock=clock, **more)


def item(table: Any) -> dict[str, Any]:
    (found,) = table.scan()["Items"]
    return found


def test_one_run_builds_and_the_other_names_it(table: Any, office: Project) -> None:
    clock = Clock()
    first, second = leases(table, office, "arn:1", clock), leases(table, office, "arn:2", clock)
    assert first.claim(TARGET) is None
    ((target, outcome),) = office.baselines([TARGET], second)
    assert isinstance(outcome, LeaseHeld)
    assert (target, outcome.holder, outcome.until) == (TARGET, "arn:1", "2026-02-01T00:15:00Z")
    assert str(outcome) == "7d ending 2026-01-08T00:00:00Z is held by arn:1 until 2026-02-01T00:15:00Z"
    assert newest_baseline(office.uri("fg_b"), "7d", TARGET.end) is None
    ((_, built),) = office.baselines([TARGET], first)
    assert isinstance(built, Manifest)
    first.record(TARGET, {"status": "completed", "run_id": built.run_id, "processing_job": None})
    assert {name: item(table).get(name) for name in ("status", "run_id", "holder", "lease_until", "lease_id")} == {
        "status": "completed",
        "run_id": built.run_id,
        "holder": None,
        "lease_until": None,
        "lease_id": None,
    }
    assert second.claim(TARGET) is None


def test_a_lease_that_is_renewed_lives_and_one_that_is_not_is_taken_over(table: Any, office: Project) -> None:
    clock = Clock()
    first, second = leases(table, office, "arn:1", clock), leases(table, office, "arn:2", clock)
    first.claim(TARGET)
    for _ in range(5):
        clock.move(LEASE / 3)
        first.renew()
    held = second.claim(TARGET)
    assert held is not None
    clock.move(LEASE)
    assert second.claim(TARGET) is None
    assert item(table)["holder"] == "arn:2"


def test_a_run_that_lost_its_lease_does_not_publish(table: Any, office: Project, tmp_path: Path) -> None:
    clock = Clock()
    first, second = leases(table, office, "arn:1", clock), leases(table, office, "arn:2", clock)
    first.claim(TARGET)
    ((_, before),) = office.baselines([TARGET])
    clock.move(LEASE)
    assert second.claim(TARGET) is None
    first.renew()
    with pytest.raises(PublishConflictError, match="7d ending 2026-01-08T00:00:00Z was taken over by arn:2"):
        first.fence(TARGET)
    with pytest.raises(PublishConflictError, match="Start the request again"):
        first.record(TARGET, {"status": "completed"})
    partition = newest_baseline(office.uri("fg_b"), "7d", TARGET.end)
    assert partition is not None
    assert isinstance(before, Manifest)
    assert partition.manifest.run_id == before.run_id
    second.fence(TARGET)


def test_taken_over_while_it_is_built_is_caught_before_the_commit(table: Any, office: Project) -> None:
    clock = Clock()
    second = leases(table, office, "arn:2", clock)

    class Overtaken(Leases):
        """Loses its lease between claim and commit."""

        def fence(self, target: Target) -> None:
            clock.move(LEASE)
            assert second.claim(target) is None
            super().fence(target)

    ((_, before),) = office.baselines([TARGET])
    first = Overtaken(table, office.run("fg_b_builder"), "arn:1", clock=clock)
    with pytest.raises(PublishConflictError):
        office.baselines([TARGET], first)
    partition = newest_baseline(office.uri("fg_b"), "7d", TARGET.end)
    assert partition is not None
    assert isinstance(before, Manifest)
    assert partition.manifest.run_id == before.run_id


def test_the_leases_of_an_ended_holder_and_of_ones_own_earlier_attempt_are_free(table: Any, office: Project) -> None:
    clock = Clock()
    leases(table, office, "arn:1", clock).claim(TARGET)
    assert leases(table, office, "arn:1", clock).claim(TARGET) is None
    asked = []

    def has_ended(holder: str) -> bool:
        asked.append(holder)
        return True

    assert leases(table, office, "arn:2", clock, has_ended=has_ended).claim(TARGET) is None
    assert asked == ["arn:1"]
    assert item(table)["holder"] == "arn:2"


def test_a_run_that_fails_gives_its_leases_back_and_says_why(table: Any, office: Project) -> None:
    clock = Clock()
    first = leases(table, office, "arn:1", clock)

    def build() -> None:
        with first.kept():
            first.claim(TARGET)
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        build()
    assert {name: item(table).get(name) for name in ("status", "reason", "lease_until")} == {
        "status": "failed",
        "reason": "RuntimeError: disk full",
        "lease_until": None,
    }
    assert leases(table, office, "arn:2", clock).claim(TARGET) is None
    assert "reason" not in item(table)


def test_stale_is_what_changed_while_or_after_it_was_built(table: Any, office: Project) -> None:
    clock = Clock()
    first = leases(table, office, "arn:1", clock)
    first.claim(TARGET)
    key = {name: item(table)[name] for name in ("series", "as_of")}
    clock.move(timedelta(minutes=1))
    table.update_item(
        Key=key, UpdateExpression="SET stale_since = :at", ExpressionAttributeValues={":at": "2026-02-01T00:01:00Z"}
    )
    first.record(TARGET, {"status": "completed"})
    assert row_of(item(table), clock.now).status == "stale"
    clock.move(timedelta(minutes=1))
    first.claim(TARGET)
    first.record(TARGET, {"status": "completed"})
    assert row_of(item(table), clock.now).status == "completed"
