"""Step Functions records the states inside a Map in the execution's history; MiniStack records them outside only."""

from __future__ import annotations

from typing import Any

from ministack.services import stepfunctions


def record_states_inside_maps() -> None:
    """Let an execution's history tell of every state entered and left, also inside Map and Parallel states."""
    of_ministack = stepfunctions._run_sub_machine

    def run(states: dict[str, Any], start_at: str, input_data: Any, execution: Any, ctx: Any) -> Any:
        recorded = _RecordedStates(states, execution)
        result = of_ministack(recorded, start_at, input_data, execution, ctx)
        recorded.leave()
        return result

    stepfunctions._run_sub_machine = run


class _RecordedStates(dict[str, Any]):
    """The states of one iteration. MiniStack looks each up once, when it enters it: that is the moment to record.

    An iteration that fails ends inside the state that failed.
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
        """Record that the state that was entered last is left."""
        if self._within is not None:
            self._record(self._within, "Exited")
            self._within = None

    def _record(self, name: str, what: str) -> None:
        details = {f"state{what}EventDetails": {"name": name}}
        stepfunctions._add_event(self._execution, f"{self[name]['Type']}State{what}", details)
