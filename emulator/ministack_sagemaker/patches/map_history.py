"""The history of an execution has the states inside Map and Parallel states.

MiniStack lacks this: it records the states of the top level only.
"""

from __future__ import annotations

from typing import Any

from ministack.services import stepfunctions


def record_states_inside_maps() -> None:
    """Record each state that is entered and exited inside Map and Parallel states."""
    of_ministack = stepfunctions._run_sub_machine

    def run(states: dict[str, Any], start_at: str, input_data: Any, execution: Any, ctx: Any) -> Any:
        recorded = _RecordedStates(states, execution)
        result = of_ministack(recorded, start_at, input_data, execution, ctx)
        recorded.leave()
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
