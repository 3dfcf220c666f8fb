"""Which alarms of the stack are raised, and whether schedules left events in the dead-letter queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ndr.contract.wording import counted
from ndr.local.check.finding import Finding, broken, ok
from ndr.local.check.stack import RECREATE, Stack

AREA: Final = "alarms"
DEAD_LETTERS: Final = "dead letters"
_NAMED_AT_ONCE: Final = 100


def check_alarms(stack: Stack) -> Iterator[Finding]:
    """Name each alarm in ALARM. One whose actions are off, because the schedules are, is only counted."""
    names = {name: logical_id for logical_id, name in stack.of_type("AWS::CloudWatch::Alarm").items()}
    paginator = stack.client("cloudwatch").get_paginator("describe_alarms")
    pages = paginator.paginate(AlarmNames=list(names)[:_NAMED_AT_ONCE])
    found = {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}
    for name in names.keys() - found.keys():
        yield broken(AREA, f"{names[name]} was deleted.", RECREATE)
    raised = [alarm for alarm in found.values() if alarm["StateValue"] == "ALARM"]
    for alarm in raised:
        if alarm["ActionsEnabled"]:
            yield broken(
                AREA,
                f"{names[alarm['AlarmName']]} is raised: {alarm.get('AlarmDescription', '')}",
                "Do what its section of docs/runbook.md says.",
            )
    if not any(alarm["ActionsEnabled"] for alarm in raised):
        quiet = f"; {len(raised)} of them would be if the schedules were enabled" if raised else ""
        yield ok(AREA, f"None of {counted(len(found), 'alarm')} is raised{quiet}.")


def check_dead_letters(stack: Stack) -> Iterator[Finding]:
    """Count the events of schedules that could not start an execution."""
    url = stack.outputs["ScheduleDeadLettersUrl"]
    name = "ApproximateNumberOfMessages"
    found = stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    number = int(found["Attributes"][name])
    if number:
        yield broken(
            DEAD_LETTERS,
            f"About {counted(number, 'event')} of schedules could not start an execution.",
            f"aws sqs receive-message --queue-url {url} --message-attribute-names All; docs/runbook.md#dead-letters",
        )
    else:
        yield ok(DEAD_LETTERS, "No schedule failed to start its execution.")
