"""What ends an execution on AWS and what a Catch gets there, by the Step Functions Developer Guide.

Quotas: "Step Functions service quotas" (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
Errors that States.ALL does not match: "Handling errors in Step Functions workflows"
(https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html). Nested executions: "Start a new AWS
Step Functions state machine from a running execution"
(https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html).
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from typing import Any, Final

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.patches.execution_limits import CAUSE_LIMIT, HISTORY_LIMIT
from ministack_sagemaker.testing import STATES_ROLE

NESTED: Final = "arn:aws:states:::states:startExecution.sync:2"
CAUGHT: Final = {"Type": "Pass", "End": True}
CATCH_ALL: Final = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}]


def machine(account: Account, states: dict[str, Any], language: str = "JSONata") -> str:
    """Create a state machine that starts at its first state; return its ARN."""
    definition = {"QueryLanguage": language, "StartAt": next(iter(states)), "States": states}
    created = account.client("stepfunctions").create_state_machine(
        name=f"m-{uuid.uuid4().hex[:10]}", definition=json.dumps(definition), roleArn=STATES_ROLE
    )
    return str(created["stateMachineArn"])


def ended(account: Account, arn: str, given: Any = None, **named: str) -> dict[str, Any]:
    """Execute a state machine to its end."""
    states = account.client("stepfunctions")
    text = json.dumps({} if given is None else given)
    execution = states.start_execution(stateMachineArn=arn, input=text, **named)["executionArn"]
    deadline = time.monotonic() + 60
    while (described := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return dict(described)


def events(account: Account, execution: str) -> Counter[str]:
    """Count the events of an execution by their types."""
    pages = account.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=execution)
    return Counter(event["type"] for page in pages for event in page["events"])


def nested(child: str, **arguments: Any) -> dict[str, Any]:
    """A task that runs another state machine and catches every error."""
    given = {"StateMachineArn": child, "Input": {}, **arguments}
    return {"Type": "Task", "Resource": NESTED, "Arguments": given, "Catch": CATCH_ALL, "End": True}


def test_an_output_beyond_the_quota_ends_the_execution_and_nothing_catches_it(account: Account) -> None:
    doubled = {"Type": "Pass", "Output": "{% $states.input & $states.input %}", "End": True}
    within = ended(account, machine(account, {"P": doubled}), "x" * 131_071)  # and two quotes: 262,144 bytes
    assert within["status"] == "SUCCEEDED"
    given = "{% [$states.input] %}"
    items = {"Type": "Map", "Items": given, "ItemProcessor": {"StartAt": "Double", "States": {"Double": doubled}}}
    states = {"All": {**items, "Catch": CATCH_ALL, "End": True}, "Caught": CAUGHT}
    beyond = ended(account, machine(account, states), "x" * 131_072)
    assert (beyond["status"], beyond.get("error")) == ("FAILED", "States.DataLimitExceeded")


def test_a_cause_is_cut(account: Account) -> None:
    long = machine(account, {"F": {"Type": "Fail", "Error": "Long", "Cause": "{% $states.input %}"}})
    run = ended(account, machine(account, {"Run": nested(long, Input='"' + "x" * 40_000 + '"'), "Caught": CAUGHT}))
    assert len(json.loads(run["output"])["Cause"]) == CAUSE_LIMIT


def test_a_nested_failure_is_a_failed_task_whose_cause_describes_the_execution(account: Account) -> None:
    child = machine(account, {"F": {"Type": "Fail", "Error": "OwnError", "Cause": "Its sentence."}})
    run = ended(account, machine(account, {"Run": nested(child), "Caught": CAUGHT}))
    caught = json.loads(run["output"])
    assert caught["Error"] == "States.TaskFailed"
    cause = json.loads(caught["Cause"])
    assert (cause["Error"], cause["Cause"], cause["Status"]) == ("OwnError", "Its sentence.", "FAILED")
    assert cause["ExecutionArn"].startswith(child.replace(":stateMachine:", ":execution:"))
    assert cause["StartDate"] <= cause["StopDate"]


def test_a_nested_execution_can_not_take_a_name_that_is_taken(account: Account) -> None:
    child = machine(account, {"P": {"Type": "Pass", "End": True}})
    ended(account, child, name="taken")
    run = ended(account, machine(account, {"Run": nested(child, Name="taken"), "Caught": CAUGHT}))
    assert json.loads(run["output"])["Error"] == "StepFunctions.ExecutionAlreadyExistsException"
    assert (
        ended(account, machine(account, {"Run": nested(child, Name="free"), "Caught": CAUGHT}))["status"] == "SUCCEEDED"
    )


def test_a_map_starts_no_iteration_after_one_has_failed(account: Account) -> None:
    second = {"Condition": "{% $states.input = 2 %}", "Next": "F"}
    failing = {
        "Choose": {"Type": "Choice", "Choices": [second], "Default": "P"},
        "F": {"Type": "Fail", "Error": "Second"},
        "P": {"Type": "Pass", "End": True},
    }
    items = {
        "Type": "Map",
        "Items": [1, 2, 3, 4],
        "MaxConcurrency": 1,
        "ItemProcessor": {"StartAt": "Choose", "States": failing},
    }
    run = ended(account, machine(account, {"All": {**items, "End": True}}))
    assert run["error"] == "Second"
    counted = events(account, run["executionArn"])
    assert (counted["MapIterationStarted"], counted["MapIterationSucceeded"], counted["MapIterationFailed"]) == (
        2,
        1,
        1,
    )


def test_the_history_has_the_events_that_its_quota_counts(account: Account) -> None:
    child = machine(account, {"P": {"Type": "Pass", "End": True}})
    processor = {"StartAt": "Run", "States": {"Run": {**nested(child), "Catch": []}}}
    items = {"Type": "Map", "Items": [1, 2], "ItemProcessor": processor, "End": True}
    counted = events(account, ended(account, machine(account, {"All": items}))["executionArn"])
    for_each = ("MapIterationStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted",
                "TaskSucceeded", "TaskStateExited", "MapIterationSucceeded")  # fmt: skip
    once = ("ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapStateSucceeded", "MapStateExited",
            "ExecutionSucceeded")  # fmt: skip
    assert counted == Counter({**dict.fromkeys(for_each, 2), **dict.fromkeys(once, 1)})


def test_an_execution_fails_at_the_quota_of_its_history(account: Account) -> None:
    loop = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}
    run = ended(account, machine(account, loop, "JSONPath"))
    assert (run["status"], run["error"]) == ("FAILED", "States.Runtime")
    assert f"maximum number of history events ({HISTORY_LIMIT})" in run["cause"]
    assert sum(events(account, run["executionArn"]).values()) == HISTORY_LIMIT


def test_each_event_follows_another_and_a_task_tells_its_arguments(account: Account) -> None:
    child = machine(account, {"P": {"Type": "Pass", "End": True}})
    task = nested(child, Input={"item": "{% $states.input %}"})
    processor = {"StartAt": "Run", "States": {"Run": {**task, "Catch": []}}}
    items = {"Type": "Map", "Items": [1, 2], "ItemProcessor": processor, "End": True}
    execution = ended(account, machine(account, {"All": items}))["executionArn"]
    history = account.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    by_id = {event["id"]: event for event in history}
    for event in history:
        if event["type"] == "TaskScheduled":
            entered = by_id[event["previousEventId"]]
            started = by_id[entered["previousEventId"]]
            assert (entered["type"], started["type"]) == ("TaskStateEntered", "MapIterationStarted")
            index = started["mapIterationStartedEventDetails"]["index"]
            given = json.loads(event["taskScheduledEventDetails"]["parameters"])
            assert given == {"StateMachineArn": child, "Input": {"item": index + 1}}
    (ended_map,) = [event for event in history if event["type"] == "MapStateExited"]
    assert by_id[ended_map["previousEventId"]]["type"] == "MapStateSucceeded"
