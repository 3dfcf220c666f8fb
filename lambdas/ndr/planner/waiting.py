"""What a schedule's execution does in a stack that has no JobSpecs yet: it ends, and says what it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ndr.contract.errors import JobSpecNotFoundError
from ndr.planner.plan import PlanPart


class WaitingPlan(PlanPart):
    """A plan of nothing.

    Attributes
    ----------
    dry_run : bool
        True: the machine ends with this plan as its output, as after any plan that starts nothing.
    waits_for : str
        What the stack lacks.
    message : str
        What was looked for, and how to put it there.
    """

    dry_run: Literal[True] = True
    waits_for: Literal["JobSpecs"] = "JobSpecs"
    message: str


def waiting_plan(request: Any, error: JobSpecNotFoundError) -> WaitingPlan:
    """Return the plan for a request that found no JobSpecs.

    A schedule can be enabled, and files can arrive, before the first JobSpec is put. These executions would fail and
    send a message every few minutes; the alarms on lateness say it once. A person who asks for a run is told that it
    failed.

    Parameters
    ----------
    request : Any
        The machine's input as it was typed.
    error : JobSpecNotFoundError
        Why it cannot be planned.

    Raises
    ------
    JobSpecNotFoundError
        `error`, when the request is a person's.
    """
    if not isinstance(request, Mapping) or all(request.get(name) is None for name in ("scheduled_time", "arrived")):
        raise error
    return WaitingPlan(message=f"The schedule waits for JobSpecs, and nothing was started. {error}")
