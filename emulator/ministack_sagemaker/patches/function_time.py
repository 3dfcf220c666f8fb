"""A function gets its share of a core: an invocation that would exceed its timeout on Lambda times out here too.

MiniStack lacks this: a function of any memory has a whole core of this machine, and only its wall time counts. The
handler has ended when its time is known, so what it did stays done; on Lambda it would have been cut off.
"""

from __future__ import annotations

from typing import Any, Final

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from ministack_sagemaker import directories, function_time

# The times are CPU, wall clock and the main thread's wait for a core, which Linux alone tells.
_MEASURE: Final = """
def _ms_times():
    try:
        with open("/proc/self/schedstat") as file:
            queued = int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        queued = 0.0
    children = os.times()
    cpu = time.process_time() + children.children_user + children.children_system
    return cpu, time.monotonic(), queued

def _ms_used(before):
    now = _ms_times()
    cpu = now[0] - before[0]
    return cpu, max(0.0, now[1] - before[1] - cpu - (now[2] - before[2]))

_ms_start = (0.0, time.monotonic() - time.process_time(), 0.0)

def run():
"""
REPLACED: Final = {
    "\ndef run():\n": _MEASURE,
    '        _real_stdout.write(json.dumps({"status": "ready"': (
        '        _ms_init = _ms_used(_ms_start)\n        _real_stdout.write(json.dumps({"status": "ready"'
    ),
    "            result = handler_fn(event, context)\n": (
        "            _ms_before = _ms_times()\n            result = handler_fn(event, context)\n"
    ),
    '{"status": "ok", "result": result}': (
        '{"status": "ok", "result": result, "used": _ms_used(_ms_before), "init": _ms_init}'
    ),
    '"trace": traceback.format_exc()}': (
        '"trace": traceback.format_exc(), "used": _ms_used(_ms_before), "init": _ms_init}'
    ),
    "        _real_stdout.flush()\n\nrun()": "        _real_stdout.flush()\n        _ms_init = None\n\nrun()",
}
"""Text of the worker script, and the text in its place. Each is there once."""


def charge_invocations() -> None:
    """Let functions that are started from now on measure themselves, and charge each invocation."""
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    for text, replacement in REPLACED.items():
        script = script.replace(text, replacement)
    lambda_runtime._PYTHON_WORKER_SCRIPT = script
    invoke = lambda_runtime.Worker.invoke

    def charged(worker: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
        result: dict[str, Any] = invoke(worker, *arguments, **named)
        used, init = result.pop("used", None), result.pop("init", None)
        timeout = float(worker.config.get("Timeout") or 3)
        if used is None and not str(result.get("error")).startswith("Task timed out"):
            return result  # the environment ended by itself
        invocation = function_time.charged(
            worker.config["FunctionName"],
            int(worker.config.get("MemorySize") or 128),
            timeout,
            tuple(used or (0.0, timeout)),
            tuple(init) if init else None,
        )
        function_time.record(directories.state(), invocation)
        return result if invocation.share <= 1 else _timed_out(worker, result, invocation)

    lambda_runtime.Worker.invoke = charged
    _name_timeouts()


def _timed_out(worker: Any, result: dict[str, Any], invocation: function_time.Invocation) -> dict[str, Any]:
    """End the environment, as Lambda does, and answer as MiniStack does to an invocation of too long a wall time."""
    if worker._proc is not None:
        worker._proc.kill()
        worker._proc.wait()
    cold, log = result.get("cold_start"), result.get("log", "")
    message = f"Task timed out after {invocation.timeout_seconds:.2f} seconds"
    return {"status": "error", "error": message, "cold_start": cold, "log": log}


def _name_timeouts() -> None:
    """Give a timeout the message of Lambda, which names the request."""
    execute = lambda_svc._execute_function_warm

    def naming(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = execute(function, event, request_id)
        body = answer.get("body")
        if answer.get("error") and isinstance(body, dict) and body.get("errorType") == "Sandbox.Timedout":
            body["errorMessage"] = f"RequestId: {request_id} Error: {body['errorMessage']}"
        return answer

    lambda_svc._execute_function_warm = naming
