"""When a schedule last should have started its machine, and whether it did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import pytest

from ndr.local.check.finding import Finding, Verdict
from ndr.local.check.schedules import Schedule, check_schedule, last_due
from ndr.local.check.stack import Stack

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:baselines"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(changed: str = "2026-01-01T00:00", state: str = "ENABLED") -> Schedule:
    described = {
        "State": state,
        "ScheduleExpression": "cron(30 0 2-31 * ? *)",
        "Target": {"Arn": f"{MACHINE}:live"},
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "LastModificationDate": instant(changed),
    }
    return Schedule("NightlySchedule", described)


@pytest.mark.parametrize(
    ("now", "changed", "due"),
    [
        ("2026-01-20T12:00", "2026-01-01T00:00", "2026-01-20T00:30"),
        ("2026-01-20T00:54", "2026-01-01T00:00", "2026-01-19T00:30"),  # its window, and 10 minutes, are not over
        ("2026-01-20T00:55", "2026-01-01T00:00", "2026-01-20T00:30"),
        ("2026-01-20T12:00", "2026-01-20T09:00", None),  # enabled since
    ],
)
def test_last_due(now: str, changed: str, due: str | None) -> None:
    assert last_due(schedule(changed), instant(now)) == (instant(due) if due else None)


class ExecutionsSince:
    """The part of a stack that the check of one schedule reads: the newest execution of its machine, and a URL."""

    now = instant("2026-01-20T12:00")
    outputs: ClassVar = {"ScheduleDeadLettersUrl": "https://queue"}

    def __init__(self, began: str) -> None:
        self.began = instant(began)

    def client(self, service: str) -> Any:
        assert service == "stepfunctions"
        return self

    def list_executions(self, stateMachineArn: str, maxResults: int) -> dict[str, Any]:  # noqa: N803
        assert (stateMachineArn, maxResults) == (MACHINE, 1)
        return {"executions": [{"startDate": self.began}]}


def found(began: str, its: Schedule) -> Finding:
    (only,) = check_schedule(cast(Stack, ExecutionsSince(began)), its)
    return only


def test_a_schedule_that_started_its_machine() -> None:
    said = found("2026-01-20T00:31", schedule())
    assert (said.verdict, said.mend) == (Verdict.OK, "")
    assert said.found.endswith("was last due at 2026-01-20T00:30:00Z; it starts next at 2026-01-21T00:30:00Z.")


def test_a_schedule_that_did_not_start_its_machine() -> None:
    said = found("2026-01-19T00:31", schedule())
    assert said.verdict is Verdict.BROKEN
    assert "was due at 2026-01-20T00:30:00Z, and no execution of its machine began since." in said.found
    assert "aws sqs receive-message --queue-url https://queue" in said.mend
