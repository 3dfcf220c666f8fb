"""The error type of a Python function is the class of its exception.

MiniStack lacks this: it calls every error `Runtime.HandlerError`, so a Catch or Retry of a state machine could not tell
one error from another.
"""

from __future__ import annotations

import threading
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from ministack_sagemaker.faults import taken

UNNAMED_ANSWER = '{"status": "error", "error": str(e), "trace"'
_NAMED_ANSWER = '{"status": "error", "error": str(e), "type": type(e).__name__, "trace"'


def name_errors_by_class() -> None:
    """Let functions that are started from now on report the class of an exception."""
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(UNNAMED_ANSWER, _NAMED_ANSWER)

    # An invocation stays on one thread from `execute` to `invoke`, so the result is passed on by the thread.
    invocation = threading.local()
    invoke = lambda_runtime.Worker.invoke
    execute = lambda_svc._execute_function_warm

    def remembering(worker: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
        invocation.result = invoke(worker, *arguments, **named)
        return invocation.result

    def naming(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        if fault := taken("lambda", (function.get("config") or function).get("FunctionName", "")):
            return {"error": True, "body": {"errorType": fault["__type"], "errorMessage": fault["message"]}}
        invocation.result = {}
        answer = execute(function, event, request_id)
        result = invocation.result
        if "type" in result:
            answer["body"] = {
                "errorMessage": result["error"],
                "errorType": result["type"],
                "requestId": request_id,
                "stackTrace": result["trace"].splitlines(),
            }
        return answer

    lambda_runtime.Worker.invoke = remembering
    lambda_svc._execute_function_warm = naming
