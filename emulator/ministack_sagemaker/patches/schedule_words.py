"""The words of EventBridge Scheduler in a target's input, such as `<aws.scheduler.scheduled-time>`, get their values.

MiniStack lacks this: it sends the input as it was written.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ministack.services import eventbridge, scheduler

LOOKBACKS: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=366))


def replace_words() -> None:
    """Replace the words in the input of each target that a schedule starts."""
    invoke_target = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        if event.get("Source") == "aws.scheduler" and "<aws.scheduler." in target.get("Input", ""):
            target = {**target, "Input": with_values(target["Input"], rule, event)}
        invoke_target(target, event, rule, view)

    eventbridge._invoke_target = invoke


def with_values(text: str, schedule: dict[str, Any], event: dict[str, Any]) -> str:
    """Return an input with the values that its words stand for, when an event of a schedule starts its target."""
    now = datetime.fromtimestamp(event["Time"], tz=UTC)
    values = {
        "schedule-arn": schedule.get("Arn", ""),
        "scheduled-time": f"{scheduled_time(schedule, now):%Y-%m-%dT%H:%M:%SZ}",
        "execution-id": event["EventId"],
        "attempt-number": "1",  # what cannot be started is not attempted again here
    }
    for word, value in values.items():
        text = text.replace(f"<aws.scheduler.{word}>", value)
    return text


def scheduled_time(schedule: dict[str, Any], now: datetime) -> datetime:
    """Return the time at which a schedule was to start its target, at the latest `now`."""
    expression = schedule.get("ScheduleExpression", "")
    once = scheduler._at_time_epoch(expression)
    if once is not None:
        return datetime.fromtimestamp(once, tz=UTC)
    interval = eventbridge._parse_rate_seconds(expression)
    if interval is not None:
        created = datetime.fromtimestamp(float(schedule.get("CreationDate", now.timestamp())), tz=UTC)
        return created + (now - created) // timedelta(seconds=interval) * timedelta(seconds=interval)
    return _last_of_cron(expression, now)


def _last_of_cron(expression: str, now: datetime) -> datetime:
    fields = eventbridge._parse_cron_fields(expression)
    for lookback in LOOKBACKS:
        last, found = None, eventbridge._cron_next_fire(fields, now - lookback)
        while found is not None and found <= now:
            last, found = found, eventbridge._cron_next_fire(fields, found)
        if last is not None:
            return last
    return now
