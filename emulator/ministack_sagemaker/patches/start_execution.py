"""StartExecution refuses an ARN, a name, an input and a taken name as Step Functions does, and is idempotent.

MiniStack lacks this: it takes any name and any text as input, and refuses a name that a running execution has even when
the request is the same. An execution that another one starts and waits for could take the name of any execution.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ministack.core.responses import error_response_json, json_response
from ministack.services import stepfunctions

from ministack_sagemaker.scope import Scope

NAME_LIMIT: Final = 80
INPUT_LIMIT: Final = 262_144
"""Bytes of the input in UTF-8, and of what states and tasks take and return."""
_ARN = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:stateMachine:[^:]+(:[^:]+)?")
_NOT_IN_NAMES = re.compile(r'[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]')
_ERRORS: Final = frozenset(
    {
        *("ExecutionAlreadyExists", "ExecutionLimitExceeded", "InvalidArn", "InvalidExecutionInput", "InvalidName"),
        *("StateMachineDeleting", "StateMachineDoesNotExist"),
    }
)


def check_requests() -> None:
    """Check requests of clients, of schedules, and of state machines that start another one."""
    start, start_and_wait = stepfunctions._start_execution, stepfunctions._start_sync_execution

    def started(request: dict[str, Any]) -> Any:
        if refused := refusal(request):
            return error_response_json(*refused, 400)
        return _same(request) or start(request)

    def started_and_waited(request: dict[str, Any]) -> Any:
        if refused := refusal(request):
            return error_response_json(*refused, 400)
        return _taken(request) or start_and_wait(request)

    stepfunctions._start_execution = started
    stepfunctions._start_sync_execution = started_and_waited
    stepfunctions._invoke_nested_start_execution = _naming_errors(stepfunctions._invoke_nested_start_execution)
    stepfunctions._invoke_nested_start_execution_sync = _naming_errors(
        stepfunctions._invoke_nested_start_execution_sync
    )


def refusal(request: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return name and message of the error of a StartExecution request that breaks a rule."""
    arn, name, given = request.get("stateMachineArn", ""), request.get("name"), request.get("input", "{}")
    if not _ARN.fullmatch(arn):
        return "InvalidArn", f"Invalid Arn: '{arn}'"
    if name is not None and not 1 <= len(name) <= NAME_LIMIT:
        limit = "greater than or equal to 1" if not name else f"less than or equal to {NAME_LIMIT}"
        return _violation("name", name, limit)
    if name and _NOT_IN_NAMES.search(name):
        return "InvalidName", f"Invalid Name: '{name}'"
    if len(given.encode()) > INPUT_LIMIT:
        return _violation("input", "", f"less than or equal to {INPUT_LIMIT}")
    try:
        json.loads(given, parse_constant=_refuse_constant)
    except ValueError as error:
        return "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'"
    return None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"Unrecognized token '{name}'")


def _violation(path: str, value: str, limit: str) -> tuple[str, str]:
    return "ValidationException", (
        f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: Member must have "
        f"length {limit}"
    )


def _same(request: dict[str, Any]) -> Any:
    """Return the answer to the first request where this one repeats it, an error where the name is taken, or None."""
    existing = _existing(request)
    if existing is None:
        return None
    if existing["status"] == "RUNNING" and existing["input"] == request.get("input", "{}"):
        return json_response({"executionArn": existing["executionArn"], "startDate": existing["startDate"]})
    return _taken(request)


def _taken(request: dict[str, Any]) -> Any:
    existing = _existing(request)
    if existing is None:
        return None
    message = f"Execution Already Exists: '{existing['executionArn']}'"
    return error_response_json("ExecutionAlreadyExists", message, 400)


def _existing(request: dict[str, Any]) -> dict[str, Any] | None:
    asked, name = request["stateMachineArn"], request.get("name")
    machine = stepfunctions._state_machines.get(stepfunctions._resolve_state_machine_arn(asked) or asked)
    if machine is None or name is None:
        return None
    arn = Scope.of_request().arn("states", f"execution:{machine['name']}:{name}")
    found: dict[str, Any] | None = stepfunctions._executions.get(arn)
    return found


def _naming_errors(start_nested: Any) -> Any:
    """Give errors of StartExecution in a state machine the names of the AWS SDK for Java."""

    def start(resource: str, arguments: dict[str, Any]) -> Any:
        try:
            return start_nested(resource, arguments)
        except stepfunctions._ExecutionError as error:
            name = error.error
            if name == "ValidationException":
                name = "StepFunctions.SfnException"
            elif name in _ERRORS:
                name = f"StepFunctions.{name}Exception"
            raise stepfunctions._ExecutionError(name, error.cause) from error

    return start
