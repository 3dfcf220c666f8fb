"""A nested execution that fails is States.TaskFailed, with its description as a JSON Cause.

MiniStack lacks this: the Task fails under the error of the nested execution, so a Catch by that name, which never
matches on AWS, would match here, and a Cause that has to be parsed would not be JSON.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from ministack.services import stepfunctions


def describe_nested_failures() -> None:
    """Let a Task that waits for an execution fail as on AWS."""
    stepfunctions._nested_execution_failure = failure_of


def failure_of(execution: dict[str, Any]) -> tuple[str, str]:
    """Return Error and Cause of a Task, from what an execution that did not succeed ended as."""
    described = {
        "Cause": execution.get("cause"),
        "Error": execution.get("error"),
        "ExecutionArn": execution["executionArn"],
        "Input": execution.get("input", "{}"),
        "InputDetails": {"Included": True},
        "Name": execution.get("name"),
        "StartDate": _milliseconds(execution.get("startDate")),
        "StateMachineArn": execution.get("stateMachineArn"),
        "Status": execution.get("status", "FAILED"),
        "StopDate": _milliseconds(execution.get("stopDate")),
    }
    return "States.TaskFailed", json.dumps({name: value for name, value in described.items() if value is not None})


def _milliseconds(value: Any) -> int | None:
    if value is None:
        return None
    seconds = value if isinstance(value, int | float) else datetime.fromisoformat(str(value)).timestamp()
    return round(float(seconds) * 1000)
