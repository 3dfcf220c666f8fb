"""Errors of Python functions, named by their exception's class as Lambda names them.

MiniStack names every one `Runtime.HandlerError`, under which no Catch or Retry of a state machine could tell one error
from another.
"""

from __future__ import annotations

import threading
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from ministack_sagemaker.faults import taken

_MINISTACKS_ANSWER = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_NAMED_ANSWER = '{"status": "error", "error": str(e), "type": type(e).__name__, "trace": traceback.format_exc()}'


def install() -> None:
    """Let functions started from now on tell the class of their exceptions.

    Raises
    ------
    RuntimeError
        This version of MiniStack reports errors in another way than the one this package was made for.
    """
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if _MINISTACKS_ANSWER not in script:
        raise RuntimeError(
            "MiniStack reports Lambda errors in a new way; ministack_sagemaker.patches.lambda_errors must follow."
        )
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_MINISTACKS_ANSWER, _NAMED_ANSWER)

    # An invocation stays on one thread from `execute` to `invoke`, which is how the two are brought together.
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
