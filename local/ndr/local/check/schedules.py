"""Whether the schedules are there and start their machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from ndr.contract.time import format_instant
from ndr.contract.wording import counted
from ndr.local.check.cron import Cron
from ndr.local.check.executions import started_since
from ndr.local.check.finding import Finding, broken, guarded, ok, warning
from ndr.local.check.stack import RECREATE, Stack

AREA: Final = "schedules"
ENABLE: Final = "sam deploy --parameter-overrides ScheduleState=ENABLED, with the other parameters that the stack has"
GRACE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as EventBridge Scheduler describes it."""

    name: str
    described: dict[str, Any]

    @property
    def is_enabled(self) -> bool:
        return bool(self.described["State"] == "ENABLED")

    @property
    def cron(self) -> Cron | None:
        return Cron.parse(self.described["ScheduleExpression"])

    @property
    def machine(self) -> str:
        """ARN of the machine whose alias it starts."""
        return ":".join(self.described["Target"]["Arn"].split(":")[:7])

    @property
    def window(self) -> timedelta:
        """How much later than its time it may start."""
        return timedelta(minutes=self.described["FlexibleTimeWindow"].get("MaximumWindowInMinutes", 0))


def check_schedules(stack: Stack) -> Iterator[Finding]:
    """Describe each schedule: its state, when it last should have started, and when it starts next."""
    found, missing = [], []
    for logical_id, name in stack.of_type("AWS::Scheduler::Schedule").items():
        described = _described(stack, name)
        if described is None:
            missing.append(logical_id)
        else:
            found.append(Schedule(logical_id, described))
    for name in missing:
        yield broken(AREA, f"{name} was deleted.", RECREATE)
    disabled = [schedule.name for schedule in found if not schedule.is_enabled]
    if found and len(disabled) == len(found):
        yield warning(
            AREA,
            f"None of {counted(len(found), 'schedule')} is enabled: nothing starts by itself.",
            ENABLE,
        )
        return
    for schedule in found:
        yield from guarded(AREA, partial(check_schedule, stack, schedule))


def _described(stack: Stack, name: str) -> dict[str, Any] | None:
    scheduler = stack.client("scheduler")
    try:
        return dict(scheduler.get_schedule(Name=name.rpartition("/")[2]))
    except scheduler.exceptions.ResourceNotFoundException:
        return None


def check_schedule(stack: Stack, schedule: Schedule) -> Iterator[Finding]:
    """Judge a schedule: its state, and whether its machine began an execution since it was last due."""
    if not schedule.is_enabled:
        yield broken(AREA, f"{schedule.name} is disabled, and others are enabled.", ENABLE)
        return
    expression, cron = schedule.described["ScheduleExpression"], schedule.cron
    following = cron.next_after(stack.now) if cron else None
    coming = f"; it starts next at {format_instant(following)}" if following else f", by {expression}"
    last = last_due(schedule, stack.now)
    if last is None:
        yield ok(AREA, f"{schedule.name} is enabled{coming}.")
    elif started_since(stack, schedule.machine, last):
        yield ok(AREA, f"{schedule.name} is enabled and was last due at {format_instant(last)}{coming}.")
    else:
        yield broken(
            AREA,
            f"{schedule.name} was due at {format_instant(last)}, and no execution of its machine began since.",
            f"Read why: aws sqs receive-message --queue-url {stack.outputs['ScheduleDeadLettersUrl']} "
            "--message-attribute-names All",
        )


def last_due(schedule: Schedule, now: datetime) -> datetime | None:
    """Return when the schedule last should have started, as it is now; None if it was changed since or is just due."""
    before = now - schedule.window - GRACE
    last = schedule.cron.last_before(before) if schedule.cron else None
    changed = schedule.described.get("LastModificationDate")
    return last if last and (changed is None or changed < last) else None
