"""Limits of an execution: sizes of data, of an Error and a Cause, and of the history; errors that nothing catches.

MiniStack lacks this: it has no limit, and States.ALL catches every error. The quotas are in "Step Functions service
quotas", the errors in "Handling errors in Step Functions workflows", both in the Step Functions Developer Guide.
"""

from __future__ import annotations

import json
from typing import Any, Final

from ministack.services import stepfunctions

from ministack_sagemaker.patches.start_execution import INPUT_LIMIT

ERROR_LIMIT: Final = 256
CAUSE_LIMIT: Final = 32_768
HISTORY_LIMIT: Final = 25_000
TERMINAL: Final = ("States.DataLimitExceeded", "States.Runtime")
"""Errors that neither States.ALL nor States.TaskFailed matches."""


def apply_limits() -> None:
    """Let executions meet the limits."""
    _cut_errors()
    _let_terminal_errors_pass()
    _limit_data()
    _limit_history()


def _cut_errors() -> None:
    initialize = stepfunctions._ExecutionError.__init__

    def cut(error: Any, name: str, cause: Any) -> None:
        initialize(error, str(name)[:ERROR_LIMIT], cause[:CAUSE_LIMIT] if isinstance(cause, str) else cause)

    stepfunctions._ExecutionError.__init__ = cut


def _let_terminal_errors_pass() -> None:
    matches = stepfunctions._error_matches

    def matches_unless_terminal(names: list[str], error: str) -> bool:
        return error in names if error in TERMINAL else bool(matches(names, error))

    stepfunctions._error_matches = matches_unless_terminal


def _limit_data() -> None:
    invoke = stepfunctions._invoke_resource

    def invoke_limited(resource: str, arguments: Any) -> Any:
        _check_size(arguments, "task")
        result = invoke(resource, arguments)
        _check_size(result, "task")
        return result

    stepfunctions._invoke_resource = invoke_limited
    stepfunctions._execute_pass = _with_limited_output(stepfunctions._execute_pass)
    stepfunctions._execute_task = _with_limited_output(stepfunctions._execute_task)
    stepfunctions._execute_map = _with_limited_output(stepfunctions._execute_map)


def _with_limited_output(execute: Any) -> Any:
    def execute_limited(*arguments: Any) -> Any:
        output, following = execute(*arguments)
        _check_size(output, "state")
        return output, following

    return execute_limited


def _check_size(data: Any, what: str) -> None:
    if len(json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str).encode()) > INPUT_LIMIT:
        raise stepfunctions._ExecutionError(
            "States.DataLimitExceeded",
            f"The {what} returned a result with a size exceeding the maximum number of bytes service limit.",
        )


def _limit_history() -> None:
    add = stepfunctions._add_event

    def add_limited(execution: dict[str, Any], type_: str, details: Any = None) -> Any:
        # The event of the execution's end is the last one that fits.
        if len(execution["events"]) >= HISTORY_LIMIT - 1 and not type_.startswith("Execution"):
            raise stepfunctions._ExecutionError(
                "States.Runtime", f"The execution reached the maximum number of history events ({HISTORY_LIMIT})."
            )
        return add(execution, type_, details)

    stepfunctions._add_event = add_limited
