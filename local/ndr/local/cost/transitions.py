"""State transitions of a successful execution, counted in the machine's definition."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

POLL: Final = "CheckStatus"
"""The Choice of `run_pipeline` whose first rule is success and whose default waits and polls again."""
TAKE: Final = "TakeEvents"
SEND: Final = "PutEvents"
END: Final = "PipelineSucceeded"
"""The states of `run_pipeline` that take events and send them, by turns, and the one in which it ends."""
MUST_WAIT: Final = "MustWait"
"""The Choice of `mini_batch` whose first rule waits and plans again."""
NOTHING_TO_DO: Final = "PlanOnly"
"""The state in which `mini_batch` ends where it has nothing to build."""

Definition = Mapping[str, Any]


def polls(seconds: float, first_wait: int, longest_wait: int) -> int:
    """Return the number of waits during an execution of `seconds`.

    Each wait is a quarter longer than the last, up to the longest or to a hundredth of the time that has passed.
    """
    count, waited, wait = 0, 0, first_wait
    while waited < seconds:
        waited += wait
        wait = min(math.ceil(wait * 1.25), max(longest_wait, waited // 100))
        count += 1
    return count


def run_pipeline_transitions(definition: Definition, waits: int, puts: int = 0) -> int:
    """Return the transitions of one pipeline execution with a number of waits, and of calls that send its events."""
    states = definition["States"]
    sending = list(_path(states, SEND, until=TAKE)) + list(_path(states, TAKE, until=END)) if puts else []
    before = list(_path(states, definition["StartAt"], until=POLL))
    loop = list(_path(states, states[POLL]["Default"], until=POLL))
    after = list(_path(states, states[POLL]["Choices"][0]["Next"]))
    return len(before) + 1 + waits * (len(loop) + 1) + len(after) + puts * len(sending)


def machine_transitions(definition: Definition, items: Mapping[str, int] | None = None) -> int:
    """Return the transitions of an execution that takes the default of each Choice.

    Parameters
    ----------
    items : mapping of str to int, optional
        Number of items by name of the Map state. Other Maps have none.
    """
    states = definition["States"]
    path = list(_path(states, definition["StartAt"]))
    inside = 0
    for name, count in (items or {}).items():
        item = states[name]["ItemProcessor"]
        inside += count * len(list(_path(item["States"], item["StartAt"])))
    return len(path) + inside


def wait_transitions(definition: Definition) -> int:
    """Return the transitions that each wait adds to an execution of `mini_batch`: until it must wait or not again."""
    states = definition["States"]
    return len(list(_path(states, states[MUST_WAIT]["Choices"][0]["Next"], until=MUST_WAIT))) + 1


def idle_transitions(definition: Definition) -> int:
    """Return the transitions of an execution of `mini_batch` that has nothing to build."""
    states = definition["States"]
    for number, name in enumerate(_path(states, definition["StartAt"]), 1):
        if NOTHING_TO_DO in (rule["Next"] for rule in states[name].get("Choices", ())):
            return number + 1
    raise LookupError(f"no Choice leads to {NOTHING_TO_DO}")


def _path(states: Mapping[str, Any], start: str, until: str | None = None) -> Iterator[str]:
    name: str | None = start
    while name is not None and name != until:
        yield name
        name = states[name].get("Next") or states[name].get("Default")
