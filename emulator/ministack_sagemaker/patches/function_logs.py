"""Functions write their logs with their own role; without the permission there is no log.

MiniStack lacks this: it writes the log of every function.
"""

from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc

from ministack_sagemaker.acting_role import NotAllowedError, require
from ministack_sagemaker.scope import Scope


def check_log_permissions() -> None:
    """Write no log of a function whose role may not write to its log group."""
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
