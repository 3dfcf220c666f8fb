"""State machines that go by the account's stepped clock: Wait states, retry intervals, and the time of an execution."""

from __future__ import annotations

import threading
from typing import Any

from ministack.services import s3, stepfunctions

from ministack_sagemaker import clock


def go_by_it() -> None:
    """Let executions wait for the clock, and count as working when they do not wait. Nothing without such a clock."""
    if clock.stepped() is None:
        return
    run, run_items, run_iteration = (
        stepfunctions._run_execution,
        stepfunctions._run_map_items,
        stepfunctions._run_sub_machine,
    )

    def run_counted(arn: str) -> None:
        if stepfunctions._executions[arn].get("sync"):  # on the thread of the execution that waits for it
            run(arn)
            return
        with clock.working():
            run(arn)

    def run_items_counted(*arguments: Any) -> Any:
        with clock.working(-1):  # the thread waits for those of the iterations
            return run_items(*arguments)

    def run_iteration_counted(*arguments: Any) -> Any:
        with clock.working():
            return run_iteration(*arguments)

    stepfunctions._run_execution = run_counted
    stepfunctions._run_map_items = run_items_counted
    stepfunctions._run_sub_machine = run_iteration_counted
    stepfunctions._scaled_sleep = lambda seconds: clock.sleep(seconds, threading.Event())
    stepfunctions.now_iso = s3.now_iso = _now_iso


def _now_iso() -> str:
    return clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
