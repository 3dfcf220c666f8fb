"""What the machines send to ``plan_run``: one model a kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ndr.planner.batch_report import BatchToReport
from ndr.planner.plan import Stretch


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


class FailedChunk(BaseModel):
    """A chunk whose pipeline execution failed: its baselines by name, and the reason."""

    model_config = ConfigDict(extra="forbid")

    baselines: list[str]
    reason: str


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
    failed : list of FailedChunk
    skipped : list of Stretch
        What the plan left out.
    own : list of str
        The baselines without which a REGULAR run fails.
    mode : str
        The plan's. A machine of the previous release does not say it, and gets no warning.
    """

    kind: Literal["report"]
    baselines: list[str] = []
    stale: list[str] = []
    series: dict[str, str] = {}
    failed: list[FailedChunk] = []
    skipped: list[Stretch] = []
    own: list[str] = []
    mode: str = "LATE"

    @property
    def reasons(self) -> dict[str, str]:
        """Return the reason of each baseline of a failed chunk."""
        return {name: chunk.reason for chunk in self.failed for name in chunk.baselines}


class ReportMiniBatch(Event):
    """Say what became of the rows of a batch that was run."""

    kind: Literal["report_mini_batch"]
    batch: BatchToReport


class SendEvents(Event):
    """Say which events to send next, after those of before were sent or not.

    Attributes
    ----------
    project_name, feature_spec_version : str, optional
        Of the pipeline execution that has ended; the stack's own where its parameters do not say.
    sent, unsent : list of str
        Keys of the events that were taken before, by whether EventBridge accepted them.
    failure : str, optional
        Why some were not accepted. Then no more are sent.
    """

    kind: Literal["events"]
    execution: str
    project_name: str | None = None
    feature_spec_version: str | None = None
    sent: list[str] = []
    unsent: list[str] = []
    failure: str | None = None


class Fail(Event):
    """End a task of the machine: with a name and a sentence, or well where the execution was redriven since.

    Attributes
    ----------
    refused : bool
        Whether the execution fails because its request was refused.
    task_token : str, optional
        The task that waits for its end. Without it, as a machine of the previous release asks, the function fails.
    """

    kind: Literal["fail"]
    error: str = ""
    cause: str = ""
    redriven: bool = False
    refused: bool = False
    task_token: str | None = None


PlanRunEvent = Annotated[
    PlanBaselines | PlanMiniBatch | ReportBaselines | ReportMiniBatch | SendEvents | Fail, Field(discriminator="kind")
]
