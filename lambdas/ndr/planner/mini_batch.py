"""The plan of one mini batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ndr.contract.jobspecs import JobSpecs
from ndr.contract.ledger import batch_claim_key
from ndr.contract.pipelines import batch_pipeline, fifteen_minute_steps, mini_batch_parameters
from ndr.contract.time import Interval, whole_seconds
from ndr.planner.plan import BatchClaim, MiniBatchPlan
from ndr.planner.report import followed_sentence
from ndr.planner.requests import MiniBatchRequest
from ndr.planner.running import RunningExecution


def plan_mini_batch(
    request: MiniBatchRequest,
    jobspecs: JobSpecs,
    now: datetime,
    running: Sequence[RunningExecution] = (),
    delivered_at: Callable[[], datetime | None] = lambda: None,
    held_by: str | None = None,
    batch: Interval | None = None,
) -> MiniBatchPlan:
    """Plan one batch.

    Parameters
    ----------
    running : sequence of RunningExecution
        Executions of the 15-minute pipeline that have not ended. One that was asked for the same batch is followed,
        unless files of the batch were delivered since it started: then it must end first.
    delivered_at : callable
        Returns when the newest of the batch's files was delivered, in whole seconds; None where that is not known.
    held_by : str, optional
        The state machine execution that holds the batch's claim. Where it has not started the pipeline yet, it must do
        so, or end, first.
    batch : Interval, optional
        What is planned; without it, what the request says.
    """
    batch = batch or request.batch(now)
    steps = fifteen_minute_steps(jobspecs)
    parameters = mini_batch_parameters(steps, batch, request.mini_batch_id, request.replace_with_empty)
    same = next((each for each in running if each.was_asked(parameters)), None)
    message = f"Mini batch {parameters['MiniBatchId']} of {request.project_name}: {batch}."
    followed = wait_for = None
    delivered = delivered_at() if same else None
    if same and delivered and delivered >= whole_seconds(same.started):
        wait_for = same.arn
        message += f" It waits for {same.arn}, because files of the batch were delivered after that one started."
    elif same:
        followed = same.arn
        message += f" {followed_sentence('It is being run', [same.arn])}"
    elif held_by:
        wait_for = held_by
        message += f" It waits for {held_by}, which runs the same batch."
    return MiniBatchPlan(
        project_name=request.project_name,
        feature_spec_version=request.feature_spec_version,
        dry_run=request.dry_run,
        pipeline_name=batch_pipeline(jobspecs),
        parameters=parameters,
        claim=BatchClaim(**batch_claim_key(request.project_name, request.feature_spec_version, batch)),
        pipeline_execution_arn=followed,
        wait_for=wait_for,
        message=message,
    )
