"""The plan of one mini batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ndr.contract.jobspecs import JobSpecs
from ndr.contract.pipelines import fifteen_minute_steps, mini_batch_parameters
from ndr.planner.plan import MiniBatchPlan
from ndr.planner.report import followed_sentence
from ndr.planner.requests import MiniBatchRequest
from ndr.planner.running import RunningExecution, running_as


def plan_mini_batch(
    request: MiniBatchRequest,
    jobspecs: JobSpecs,
    now: datetime,
    running: Sequence[RunningExecution] = (),
) -> MiniBatchPlan:
    """Plan one batch. Where one of `running` was asked for the same, it is followed."""
    batch = request.batch(now)
    parameters = mini_batch_parameters(
        fifteen_minute_steps(jobspecs), batch, request.mini_batch_id, request.replace_with_empty
    )
    arn = running_as(running, parameters)
    message = f"Mini batch {parameters['MiniBatchId']} of {request.project_name}: {batch}."
    return MiniBatchPlan(
        project_name=request.project_name,
        feature_spec_version=request.feature_spec_version,
        dry_run=request.dry_run,
        parameters=parameters,
        pipeline_execution_arn=arn,
        message=f"{message} {followed_sentence('It is being run', [arn])}" if arn else message,
    )
