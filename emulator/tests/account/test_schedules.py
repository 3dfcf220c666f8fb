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


def test_an_input_that_step_functions_refuses_goes_to_the_dead_letter_queue(account: Account) -> None:
    """EventBridge Scheduler User Guide, "Configuring a dead-letter queue"
    (https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html).
    """
    states, scheduler, sqs = (account.client(name) for name in ("stepfunctions", "scheduler", "sqs"))
    machine = states.create_state_machine(name="unstarted", definition=json.dumps(PASS), roleArn=STATES_ROLE)
    url = sqs.create_queue(QueueName="unstarted")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    scheduler.create_schedule(
        Name="not-json",
        ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": machine["stateMachineArn"],
            "RoleArn": STATES_ROLE,
            "Input": "{'mode': 'LATE'}",
            "DeadLetterConfig": {"Arn": queue},
        },
    )
    deadline = time.monotonic() + 60
    while not (received := sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")):
        assert time.monotonic() < deadline, "the schedule did not fire"
        time.sleep(0.2)
    assert received[0]["Body"] == "{'mode': 'LATE'}"
    reason = received[0]["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert reason.startswith("Invalid State Machine Execution Input")
    assert states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"] == []


def test_a_rule_starts_a_state_machine_with_the_targets_role_and_an_input_of_the_files_name(account: Account) -> None:
    """Amazon S3 User Guide, "EventBridge event message structure"
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html), and EventBridge User Guide, "Using
    identity-based policies" (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html).
    """
    states, s3, events = (account.client(name) for name in ("stepfunctions", "s3", "events"))
    machine = states.create_state_machine(name="arrived", definition=json.dumps(PASS), roleArn=STATES_ROLE)
    s3.create_bucket(Bucket="arriving")
    s3.put_bucket_notification_configuration(
        Bucket="arriving", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "resources": ["arn:aws:s3:::arriving"]}
    events.put_rule(Name="arrived", EventPattern=json.dumps(pattern))
    target = {
        "Id": "machine",
        "Arn": machine["stateMachineArn"],
        "InputTransformer": {"InputPathsMap": {"key": "$.detail.object.key"}, "InputTemplate": '{"key": <key>}'},
    }
    for role, key in (("arn:aws:iam::123456789012:role/gone", "refused.json"), (STATES_ROLE, 'a b/"c"+ü.json')):
        events.put_targets(Rule="arrived", Targets=[{**target, "RoleArn": role}])
        s3.put_object(Bucket="arriving", Key=key, Body=b"")
    (started,) = states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    given = states.describe_execution(executionArn=started["executionArn"])["input"]
    assert json.loads(given) == {"key": 'a b/"c"+ü.json'}
