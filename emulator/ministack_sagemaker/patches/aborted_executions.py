"""StopExecution ends an execution and the nested executions that it waits for.

MiniStack lacks this: it sets the status and lets the threads of the execution continue, so that the iterations of a Map
would start one pipeline after another.
"""

from __future__ import annotations

import json
from typing import Any, Final

from ministack.services import stepfunctions

STARTED_BY: Final = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"


def stop_nested_executions() -> None:
    """Stop nested executions with their parent, and start no Task of an execution that has ended."""
    stop, execute_task, fail = (
        stepfunctions._stop_execution,
        stepfunctions._execute_task,
        stepfunctions._fail_execution,
    )

    def stop_with_nested(request: dict[str, Any]) -> Any:
        answer = stop(request)
        for arn in _waited_for(request.get("executionArn", "")):
            stop_with_nested({"executionArn": arn})
        return answer

    def execute(state: dict[str, Any], given: Any, execution: dict[str, Any], context: Any) -> Any:
        if _has_ended(execution):
            raise stepfunctions._ExecutionError("States.Runtime", "The execution was stopped.")
        return execute_task(state, given, execution, context)

    def fail_if_running(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._stop_execution = stop_with_nested
    stepfunctions._execute_task = execute
    stepfunctions._fail_execution = fail_if_running


def _waited_for(arn: str) -> list[str]:
    """Return the running executions that an execution waits for. Each names it in its input, as on AWS."""
    running = [each for each in list(stepfunctions._executions.values()) if each["status"] == "RUNNING"]
    return [each["executionArn"] for each in running if each.get("sync") and _parent(each) == arn]


def _has_ended(execution: dict[str, Any]) -> bool:
    if execution["status"] != "RUNNING":
        return True
    # It may have started while its parent was being stopped.
    parent = stepfunctions._executions.get(_parent(execution)) if execution.get("sync") else None
    return parent is not None and parent["status"] == "ABORTED"


def _parent(execution: dict[str, Any]) -> str:
    given = json.loads(execution["input"] or "{}")
    return str(given.get(STARTED_BY)) if isinstance(given, dict) else ""
