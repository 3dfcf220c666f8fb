"""Step Functions records the states inside a Map in the execution's history; MiniStack records them outside only."""

from __future__ import annotations

from typing import Any

from ministack.services import stepfunctions


def record_states_inside_maps() -> None:
    """Let an execution's history tell of every state entered, those inside Map and Parallel states included."""
    of_ministack = stepfunctions._run_sub_machine

    def run(states: dict[str, Any], start_at: str, input_data: Any, execution: Any, ctx: Any) -> Any:
        return of_ministack(_RecordedStates(states, execution), start_at, input_data, execution, ctx)

    stepfunctions._run_sub_machine = run


class _RecordedStates(dict[str, Any]):
    """The states of one iteration. MiniStack looks each up once, when it enters it: that is the moment to record."""

    def __init__(self, states: dict[str, Any], execution: Any) -> None:
        super().__init__(states)
        self._execution = execution

    def get(self, key: str, default: Any = None) -> Any:
        state = super().get(key, default)
        if state is not None:
            entered = {"stateEnteredEventDetails": {"name": key}}
            stepfunctions._add_event(self._execution, f"{state['Type']}StateEntered", entered)
        return state
