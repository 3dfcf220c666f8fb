"""What an execution of a machine has started: executions of `run_pipeline`, and pipeline executions."""

from __future__ import annotations

import json
from typing import Any, Final

from ndr.local.executions.account import NESTED, ExecutionAccount
from ndr.report.spans import pipeline_executions

STARTED_BY: Final = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"
"""Name in the input of an execution that another one started, with that one's ARN."""


def history(states: Any, execution: str) -> list[dict[str, Any]]:
    """Return the events of an execution of a machine, oldest first."""
    pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
    return [event for page in pages for event in page["events"]]


def nested_executions(account: ExecutionAccount, execution: str) -> list[str]:
    """Return the executions of `run_pipeline` that an execution of another machine started, oldest first."""
    since = account.states.describe_execution(executionArn=execution)["startDate"]
    pages = account.states.get_paginator("list_executions").paginate(stateMachineArn=account.machines[NESTED])
    found = []
    for page in pages:
        young = [each for each in page["executions"] if each["startDate"] >= since]
        found += [each for each in young if _started_by(account.states, each["executionArn"]) == execution]
        if not young:  # the newest come first
            break
    return [each["executionArn"] for each in sorted(found, key=lambda each: each["startDate"])]


def pipelines_of(account: ExecutionAccount, execution: str) -> list[str]:
    """Return the pipeline executions that an execution of a machine, or what it started, started or followed."""
    is_nested = account.machine_of(execution) == NESTED
    executions = [execution] if is_nested else nested_executions(account, execution)
    found = (arn for each in executions for arn in pipeline_executions(history(account.states, each)))
    return list(dict.fromkeys(found))


def _started_by(states: Any, execution: str) -> str | None:
    given = json.loads(states.describe_execution(executionArn=execution)["input"])
    return given.get(STARTED_BY) if isinstance(given, dict) else None
