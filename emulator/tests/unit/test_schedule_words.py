"""The words of EventBridge Scheduler, as its user guide defines them under "context attributes"."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ministack_sagemaker.patches.schedule_words import scheduled_time, with_values

CREATED = datetime(2026, 1, 31, 6, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "now", "time"),
    [
        ("cron(5/15 * * * ? *)", "2026-01-31T06:20:00", "2026-01-31T06:20:00"),
        ("cron(5/15 * * * ? *)", "2026-01-31T06:20:09.7", "2026-01-31T06:20:00"),
        ("cron(5/15 * * * ? *)", "2026-01-31T06:19:59", "2026-01-31T06:05:00"),
        ("cron(5 * * * ? *)", "2026-01-31T06:04:00", "2026-01-31T05:05:00"),
        ("cron(30 0 1 * ? *)", "2026-01-31T06:04:00", "2026-01-01T00:30:00"),
        ("cron(0 0 1 1 ? *)", "2026-12-31T06:04:00", "2026-01-01T00:00:00"),
        ("at(2026-01-31T06:00:00)", "2026-01-31T06:00:08", "2026-01-31T06:00:00"),
        ("rate(1 hour)", "2026-01-31T08:10:03", "2026-01-31T08:10:00"),
    ],
)
def test_the_scheduled_time_is_that_of_the_expression_and_not_of_the_start(
    expression: str, now: str, time: str
) -> None:
    schedule = {"ScheduleExpression": expression, "CreationDate": CREATED}
    start, wanted = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (now, time))
    assert scheduled_time(schedule, start) == wanted


def test_every_word_gets_its_value_and_other_text_stays() -> None:
    schedule: dict[str, Any] = {"ScheduleExpression": "cron(5/15 * * * ? *)", "Arn": "arn:schedule"}
    event = {"Time": datetime(2026, 1, 31, 6, 20, 3, tzinfo=UTC).timestamp(), "EventId": "an-id"}
    words = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number", "another")
    text = " ".join(f"<aws.scheduler.{word}>" for word in words)
    assert with_values(text, schedule, event) == "arn:schedule 2026-01-31T06:20:00Z an-id 1 <aws.scheduler.another>"
