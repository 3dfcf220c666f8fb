"""A schedule that fires: its words in the input have their values when the state machine starts."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import STATES_ROLE

PASS = {"StartAt": "End", "States": {"End": {"Type": "Pass", "End": True}}}


def test_the_input_of_a_schedules_execution_has_the_scheduled_time(account: Account) -> None:
    states, scheduler = account.client("stepfunctions"), account.client("scheduler")
    machine = states.create_state_machine(name="scheduled", definition=json.dumps(PASS), roleArn=STATES_ROLE)
    at = datetime.now(UTC).replace(microsecond=0)
    scheduler.create_schedule(
        Name="with-words",
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": machine["stateMachineArn"],
            "RoleArn": STATES_ROLE,
            "Input": '{"time": "<aws.scheduler.scheduled-time>", "of": "<aws.scheduler.schedule-arn>"}',
        },
    )
    deadline = time.monotonic() + 60
    while not (started := states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]):
        assert time.monotonic() < deadline, "the schedule did not fire"
        time.sleep(0.2)
    given = json.loads(states.describe_execution(executionArn=started[0]["executionArn"])["input"])
    assert given["time"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"
    assert given["of"].endswith(":schedule/default/with-words")
