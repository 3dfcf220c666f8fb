"""A Task that waits for its token acts with the role of the state machine, and fails when its function fails.

MiniStack lacks both: it calls the function whatever the role allows, and goes on waiting when the function has failed.
"""

from __future__ import annotations

import contextvars
from typing import Any, Final

from ministack.services import stepfunctions

from ministack_sagemaker.patches.machine_roles import require_task

CALLBACK: Final = ".waitForTaskToken"
_token: contextvars.ContextVar[str | None] = contextvars.ContextVar("token", default=None)


def check_and_fail() -> None:
    """Check the permissions of such a Task, and end it with the error of its function."""
    invoke, call = stepfunctions._invoke_with_callback, stepfunctions._call_lambda

    def invoke_allowed(resource: str, arguments: dict[str, Any], token: str, state: dict[str, Any]) -> Any:
        require_task(resource.replace(CALLBACK, ""), arguments)
        waiting = _token.set(token)
        try:
            return invoke(resource, arguments, token, state)
        finally:
            _token.reset(waiting)

    def call_and_fail(function: str, event: Any) -> Any:
        try:
            return call(function, event)
        except stepfunctions._ExecutionError as error:
            if token := _token.get():
                stepfunctions._send_task_failure({"taskToken": token, "error": error.error, "cause": error.cause})
            raise

    stepfunctions._invoke_with_callback = invoke_allowed
    stepfunctions._call_lambda = call_and_fail
