"""Plans: what a machine is told to start. The planner makes these models; a machine carries them as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_serializer
from pydantic.functional_serializers import SerializerFunctionWrapHandler

from ndr.contract.manifest import Owner
from ndr.contract.pipelines import (
    COMPACTION_PIPELINE,
    FG_B_PIPELINE,
    INVENTORY_PIPELINE,
    MINI_BATCH_PIPELINE,
    Parameters,
)


class PlanPart(BaseModel):
    """What every part of a plan shares: unknown fields are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def document(self) -> dict[str, Any]:
        """Return the JSON object that the machine carries. A field that is None is left out."""
        return self.model_dump(mode="json", exclude_none=True)


class Stretch(PlanPart):
    """Consecutive baselines of a horizon that the ledger says the same of; `first` and `last` are baseline ends.

    `holder` and `until` are of the lease, where another execution is building them; `reason` says why a ledger item
    cannot be read.
    """

    horizon: str
    status: str
    first: str
    last: str
    count: int
    holder: str | None = None
    until: str | None = None
    reason: str | None = None


class PlannedRun(PlanPart):
    """One pipeline execution: the parameters that it adds to the plan's, and the baselines it builds, "horizon end".

    `pipeline_execution_arn` is an execution that builds them already, and is followed.
    """

    parameters: Parameters
    baselines: list[str]
    pipeline_execution_arn: str | None = None


class InventoryRun(PlanPart):
    """The unload of the machine inventory, or the execution that does it already."""

    pipeline_name: str = INVENTORY_PIPELINE
    parameters: Parameters
    pipeline_execution_arn: str | None = None


class CompactionRun(PlanPart):
    """The compaction of a range of days."""

    pipeline_name: str = COMPACTION_PIPELINE
    parameters: Parameters


class Plan(PlanPart):
    """What the plans of both machines share. `message` is the plan in a few sentences, for the console."""

    project_name: str
    feature_spec_version: str
    dry_run: bool
    message: str = ""


class BatchClaim(PlanPart):
    """The ledger key of a batch's claim."""

    series: str
    as_of: str


class BatchToReport(PlanPart):
    """A batch whose deltas are reported on once it was run.

    Attributes
    ----------
    deltas : str
        Prefix URI of the deltas.
    start, end : datetime
        Of the batch.
    replaced : int
        Rows of its deltas that were published before, which the run replaces.
    """

    project_name: str
    feature_spec_version: str
    deltas: str
    start: datetime
    end: datetime
    replaced: int = 0

    @property
    def owner(self) -> Owner:
        return Owner(self.project_name, self.feature_spec_version)


class MiniBatchPlan(Plan):
    """One execution of the 15-minute pipeline, or the one that does the same already.

    Attributes
    ----------
    parameters : dict of str to str
    claim : BatchClaim
        What the machine deletes when the batch was run.
    pipeline_execution_arn : str, optional
        A running execution that does the same with the same files, and is followed.
    wait_for : str, optional
        An execution that must end first; then the batch is planned again.
    report : BatchToReport, optional
        What the report on the run is asked about. A dry run has none.
    """

    claim: BatchClaim
    report: BatchToReport | None = None
    wait_for: str | None = None

    pipeline_name: str = MINI_BATCH_PIPELINE
    parameters: Parameters
    pipeline_execution_arn: str | None = None

    def with_suffix(self, suffix: str) -> MiniBatchPlan:
        """Return the plan for a stack whose pipelines' names end with a suffix."""
        return self.model_copy(update={"pipeline_name": f"{self.pipeline_name}{suffix}"})


class BaselinesPlan(Plan):
    """The pipeline executions that honour a baselines request.

    Parameters are held once and as objects, not as SageMaker's lists of pairs, because a thousand chunks must fit in
    256 KiB.

    Attributes
    ----------
    parameters : dict of str to str
        What all `runs` share.
    series : dict of str to str
        The ledger's partition key of each horizon.
    runs : list of PlannedRun
    baselines : int
        How many the runs build.
    inventory : InventoryRun, optional
    compaction : CompactionRun, optional
    skipped : list of Stretch
    batches : list of dict
        Parameters of the 15-minute pipeline for each batch of features that is built first, in order.
    followed_batches : dict of str to str
        By MiniBatchId the pipeline executions that build some of them already.
    not_delivered : list of str
        Ranges that cannot be filled, because no mini-batch was delivered for them.
    insufficient : dict of str to str
        Baselines whose horizons have too little history, by name, with the sentence; the machine gets their number.
    stale : list of str
        Baselines, by name, that what is built again makes stale.
    own : list of str
        The baselines, by name, that a REGULAR run is there for; without them it fails.
    """

    mode: str
    horizon: str
    reprocess: str
    max_concurrency: int
    pipeline_name: str = FG_B_PIPELINE
    parameters: Parameters = Field(default_factory=dict)
    series: dict[str, str]
    runs: list[PlannedRun] = Field(default_factory=list)
    baselines: int = 0
    inventory: InventoryRun | None = None
    compaction: CompactionRun | None = None
    skipped: list[Stretch] = Field(default_factory=list)
    batch_pipeline: str = MINI_BATCH_PIPELINE
    batches: list[Parameters] = Field(default_factory=list)
    followed_batches: dict[str, str] = Field(default_factory=dict)
    not_delivered: list[str] = Field(default_factory=list)
    insufficient: dict[str, str] = Field(default_factory=dict)
    stale: list[str] = Field(default_factory=list)
    own: list[str] = Field(default_factory=list)

    def with_suffix(self, suffix: str) -> BaselinesPlan:
        """Return the plan for a stack whose pipelines' names end with a suffix."""
        inventory, compaction = (
            run and run.model_copy(update={"pipeline_name": f"{run.pipeline_name}{suffix}"})
            for run in (self.inventory, self.compaction)
        )
        return self.model_copy(
            update={
                "pipeline_name": f"{self.pipeline_name}{suffix}",
                "batch_pipeline": f"{self.batch_pipeline}{suffix}",
                "inventory": inventory,
                "compaction": compaction,
            }
        )

    @field_serializer("insufficient")
    def _number(self, insufficient: dict[str, str]) -> int:
        return len(insufficient)  # all the sentences would not fit; the ledger has them

    @model_serializer(mode="wrap")
    def _with_previous_names(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Add the names by which the machine of the previous release knows the batches.

        During a deployment that machine may be given the plan of the new function.
        """
        document: dict[str, Any] = serialize(self)
        previous = {"fills": "batches", "followed_fills": "followed_batches", "fill_pipeline": "batch_pipeline"}
        return {**document, **{old: document[new] for old, new in previous.items()}}


class Failure(PlanPart):
    """How an execution fails: the error's name and a sentence."""

    error: str
    message: str


class Report(PlanPart):
    """What became of the baselines of the runs that succeeded.

    `built` counts them and `stale` those of them that are stale already; the stretches are what was left out, by what
    the ledger says of them.
    """

    in_progress: list[Stretch]
    insufficient_history: list[Stretch]
    abandoned: list[Stretch]
    failed: list[Stretch]
    built: int
    stale: int
    message: str = ""
    warning: str | None = None
    failure: Failure | None = None

    @property
    def left_out(self) -> list[Stretch]:
        """Return all that was left out."""
        return [*self.in_progress, *self.insufficient_history, *self.abandoned, *self.failed]
