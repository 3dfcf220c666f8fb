"""Functions write their logs with their own role, as on AWS: without the permission there are none."""

from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc

from ministack_sagemaker.acting_role import NotAllowedError, require
from ministack_sagemaker.scope import Scope


def write_with_own_roles() -> None:
    """Let a function whose role may not write its log group leave no log."""
    emit = lambda_svc._emit_lambda_logs

    def emit_if_allowed(function: dict[str, Any], *arguments: Any, **named: Any) -> None:
        configuration = function.get("config") or function
        scope = Scope.of_request()
        group = (configuration.get("LoggingConfig") or {}).get("LogGroup") or (
            f"/aws/lambda/{configuration['FunctionName']}"
        )
        try:
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                stream = scope.arn("logs", f"log-group:{group}:log-stream:any")
                require(scope, configuration["Role"], action, stream)
        except NotAllowedError:
            return
        emit(function, *arguments, **named)

    lambda_svc._emit_lambda_logs = emit_if_allowed
