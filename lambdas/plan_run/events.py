"""What the machines send to ``plan_run``: one model a kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Event(BaseModel):
    """What every event has.

    Attributes
    ----------
    started_at : datetime
        The execution's start, which is the plan's "now".
    execution : str, optional
        The execution's ARN, by which its log lines are found.
    """

    model_config = ConfigDict(extra="forbid")

    started_at: AwareDatetime
    execution: str | None = None


class PlanBaselines(Event):
    """Plan the ``baselines`` machine's input ``request``, as it was typed; the planner says what is wrong with it."""

    kind: Literal["baselines"]
    request: Any = None


class PlanMiniBatch(Event):
    """Plan the ``mini_batch`` machine's input ``request``, as it was typed."""

    kind: Literal["mini_batch"]
    request: Any = None


class ReportBaselines(Event):
    """Say what became of a plan's baselines.

    Attributes
    ----------
    baselines : list of str
        Those of the runs that succeeded, each named "horizon end".
    stale : list of str
        Those that what was built again makes stale.
    series : dict of str to str
        The ledger's partition key of each horizon.
    """

    kind: Literal["report"]
    baselines: list[str] = []
    stale: list[str] = []
    series: dict[str, str] = {}


class Fail(Event):
    """Fail with a name and a sentence; not where the execution was redriven since, which is to continue."""

    kind: Literal["fail"]
    error: str = ""
    cause: str = ""
    redriven: bool = False


PlanRunEvent = Annotated[PlanBaselines | PlanMiniBatch | ReportBaselines | Fail, Field(discriminator="kind")]
