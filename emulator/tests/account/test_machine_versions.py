"""Versions and aliases of state machines: what an execution runs, and Tasks that wait for their token.

Step Functions runs the definition of the version that a start names, directly or by an alias, and goes on with it when
the alias moves: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-version.html and
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import STATES_ROLE


def definition(word: str) -> str:
    states = {"Say": {"Type": "Pass", "Output": {"said": word}, "End": True}}
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": "Say", "States": states})


def said(account: Account, machine: str) -> Any:
    states = account.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    until = time.monotonic() + 30
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert found["status"] == "SUCCEEDED", found
    return json.loads(found["output"])["said"]


@pytest.fixture(scope="module")
def machine(account: Account) -> dict[str, str]:
    """A machine with two versions, and an alias of the first."""
    states = account.client("stepfunctions")
    name = f"m-{uuid.uuid4().hex[:10]}"
    arn = states.create_state_machine(name=name, definition=definition("one"), roleArn=STATES_ROLE)["stateMachineArn"]
    one = states.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    states.update_state_machine(stateMachineArn=arn, definition=definition("two"))
    two = states.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    routing = [{"stateMachineVersionArn": one, "weight": 100}]
    alias = states.create_state_machine_alias(name="live", routingConfiguration=routing)["stateMachineAliasArn"]
    states.update_state_machine(stateMachineArn=arn, definition=definition("newest"))
    return {"machine": arn, "one": one, "two": two, "alias": alias}


def test_an_execution_runs_the_version_that_was_named(account: Account, machine: dict[str, str]) -> None:
    assert [said(account, machine[name]) for name in ("machine", "one", "two")] == ["newest", "one", "two"]


def test_an_alias_runs_the_version_that_it_points_to(account: Account, machine: dict[str, str]) -> None:
    assert said(account, machine["alias"]) == "one"
    for version in ("two", "one"):
        routing = [{"stateMachineVersionArn": machine[version], "weight": 100}]
        account.client("stepfunctions").update_state_machine_alias(
            stateMachineAliasArn=machine["alias"], routingConfiguration=routing
        )
        assert said(account, machine["alias"]) == version


@pytest.mark.parametrize(("named", "word"), [("machine", "newest"), ("two", "two"), ("alias", "one")])
def test_a_nested_execution_runs_the_version_that_was_named(
    account: Account, machine: dict[str, str], named: str, word: str
) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": machine[named], "Input": {}},
        "Output": "{% $states.result.Output %}",
        "End": True,
    }
    parent = account.client("stepfunctions").create_state_machine(
        name=f"m-{uuid.uuid4().hex[:10]}",
        definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "Nested", "States": {"Nested": task}}),
        roleArn=STATES_ROLE,
    )["stateMachineArn"]
    assert said(account, parent) == word
