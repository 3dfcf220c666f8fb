"""The history of an execution has the events of tasks and Maps that AWS records, which its limit counts.

MiniStack lacks this: it records the states of the top level only, no iteration of a Map, and of a task neither its
arguments nor its start nor its submission, where it waits for what it started. No event says which one it follows.
"""

from __future__ import annotations

import contextvars
import json
from collections.abc import Mapping
from typing import Any

from ministack.services import stepfunctions

_last: contextvars.ContextVar[Mapping[str, int]] = contextvars.ContextVar("last", default={})  # noqa: B039  never changed
"""The last event of each execution in this context; the threads of iterations have copies."""
_arguments: contextvars.ContextVar[str] = contextvars.ContextVar("arguments", default="{}")
"""Arguments of the task that is about to be scheduled."""


def record_all_events() -> None:
    """Record what tasks do, Maps and their iterations, the states inside them, and which event follows which."""
    _link_events()
    _record_starts_of_tasks()
    _record_maps()
    of_ministack = stepfunctions._run_sub_machine

    def run(states: dict[str, Any], start_at: str, input_data: Any, execution: Any, ctx: Any) -> Any:
        recorded = _RecordedStates(states, execution)
        result = of_ministack(recorded, start_at, input_data, execution, ctx)
        recorded.leave()
        return result

    stepfunctions._run_sub_machine = run
    _record_iterations()


def _link_events() -> None:
    """Tell of each event which one it follows, in its iteration where it is in one."""
    add = stepfunctions._add_event

    def add_linked(execution: Any, type_: str, details: Any = None) -> Any:
        event = add(execution, type_, details)
        arn, before = execution["executionArn"], _last.get()
        event["previousEventId"] = before.get(arn, 1)
        _last.set({**before, arn: event["id"]})
        return event

    stepfunctions._add_event = add_linked


def _record_starts_of_tasks() -> None:
    add, evaluate = stepfunctions._add_event, stepfunctions._apply_jsonata_arguments

    def evaluate_and_keep(state: Any, raw_input: Any, ctx: Any = None) -> Any:
        arguments = evaluate(state, raw_input, ctx)
        _arguments.set(json.dumps(arguments, default=str))
        return arguments

    def add_with_start(execution: Any, type_: str, details: Any = None) -> Any:
        if type_ == "TaskScheduled":
            details["taskScheduledEventDetails"]["parameters"] = _arguments.get()
            _arguments.set("{}")
        event = add(execution, type_, details)
        if type_ == "TaskScheduled":
            add(execution, "TaskStarted")
            resource = details["taskScheduledEventDetails"]["resource"]
            if ".sync" in resource or ".waitForTaskToken" in resource:
                add(execution, "TaskSubmitted")
        return event

    stepfunctions._apply_jsonata_arguments = evaluate_and_keep
    stepfunctions._add_event = add_with_start


def _record_maps() -> None:
    run_items = stepfunctions._run_map_items

    def run(state: Any, raw_input: Any, execution: Any, ctx: Any) -> Any:
        stepfunctions._add_event(execution, "MapStateStarted")
        try:
            result = run_items(state, raw_input, execution, ctx)
        except stepfunctions._ExecutionError:
            stepfunctions._add_event(execution, "MapStateFailed")
            raise
        stepfunctions._add_event(execution, "MapStateSucceeded")
        return result

    stepfunctions._run_map_items = run


def _record_iterations() -> None:
    run_states = stepfunctions._run_sub_machine

    def run(states: dict[str, Any], start_at: str, input_data: Any, execution: Any, ctx: Any) -> Any:
        item = (ctx.get("Map") or {}).get("Item")
        if item is None:  # a branch of a Parallel state
            return run_states(states, start_at, input_data, execution, ctx)
        details = {"name": ctx["State"]["Name"], "index": item["Index"]}
        stepfunctions._add_event(execution, "MapIterationStarted", {"mapIterationStartedEventDetails": details})
        try:
            result = run_states(states, start_at, input_data, execution, ctx)
        except stepfunctions._ExecutionError:
            stepfunctions._add_event(execution, "MapIterationFailed", {"mapIterationFailedEventDetails": details})
            raise
        stepfunctions._add_event(execution, "MapIterationSucceeded", {"mapIterationSucceededEventDetails": details})
        return result

    stepfunctions._run_sub_machine = run


class _RecordedStates(dict[str, Any]):
    """The states of one iteration. MiniStack looks a state up once, when it enters it; the lookup records the event.

    The last state of an iteration that fails is never exited.
    """

    def __init__(self, states: dict[str, Any], execution: Any) -> None:
        super().__init__(states)
        self._execution = execution
        self._within: str | None = None

    def get(self, key: str, default: Any = None) -> Any:
        state = super().get(key, default)
        if state is not None:
            self.leave()
            self._within = key
            self._record(key, "Entered")
        return state

    def leave(self) -> None:
        """Record the exit from the state that was entered last."""
        if self._within is not None:
            self._record(self._within, "Exited")
            self._within = None

    def _record(self, name: str, what: str) -> None:
        details = {f"state{what}EventDetails": {"name": name}}
        stepfunctions._add_event(self._execution, f"{self[name]['Type']}State{what}", details)
