"""Functions that state machines call count in Lambda's metrics, and alarms on them are evaluated.

MiniStack lacks this: it counts the calls of clients only.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import cloudwatch, lambda_svc, stepfunctions


def count_calls_of_machines() -> None:
    """Record Invocations, Errors and Duration of each call that a Task makes."""
    call = stepfunctions._call_lambda

    def call_and_count(function: str, event: Any) -> Any:
        name = function.split(":")[6] if function.startswith("arn:") else function.partition(":")[0]
        started, failed = time.monotonic(), True
        try:
            answer = call(function, event)
            failed = False
            return answer
        finally:
            milliseconds = 1000 * (time.monotonic() - started)
            lambda_svc._emit_lambda_metrics(name, milliseconds, failed, False)
            if failed:
                cloudwatch._evaluate_all_alarms()

    stepfunctions._call_lambda = call_and_count
