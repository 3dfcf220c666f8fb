"""A Map starts no iteration after one has failed.

MiniStack lacks this: it runs every iteration, and fails then.
"""

from __future__ import annotations

import contextvars
import threading
from typing import Any

from ministack.services import stepfunctions

_failed: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("failed", default=None)
"""Set when an iteration of the innermost Map has failed. Its threads share it."""


def end_maps_at_a_failure() -> None:
    """Skip the iterations that have not begun when one fails."""
    run_items, run_states = stepfunctions._run_map_items, stepfunctions._run_sub_machine

    def run_items_until_failure(*arguments: Any) -> Any:
        token = _failed.set(threading.Event())
        try:
            return run_items(*arguments)
        finally:
            _failed.reset(token)

    def run_unless_failed(*arguments: Any) -> Any:
        failed = _failed.get()
        if failed is None:
            return run_states(*arguments)
        if failed.is_set():
            # The Map fails with the error of its first item that has one, and items begin in their order.
            raise stepfunctions._ExecutionError("States.Runtime", "An iteration that began before has failed.")
        try:
            return run_states(*arguments)
        except Exception:
            failed.set()
            raise

    stepfunctions._run_map_items = run_items_until_failure
    stepfunctions._run_sub_machine = run_unless_failed
