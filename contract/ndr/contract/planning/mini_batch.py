"""The plan of one mini batch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ndr.contract.jobspecs.item import JobName, JobSpec
from ndr.contract.planning.pipelines import MINI_BATCH_PIPELINE, mini_batch_parameters
from ndr.contract.requests import MiniBatchRequest


def plan_mini_batch(request: MiniBatchRequest, jobspecs: Mapping[JobName, JobSpec], now: datetime) -> dict[str, Any]:
    """Return the plan: `pipeline_name`, `parameters`, `dry_run` and a `message` for the console."""
    batch = request.batch(now)
    steps = [jobspecs["delta_builder"], jobspecs["fg_a_builder"], jobspecs["pair_counts_builder"]]
    parameters = mini_batch_parameters(steps, batch, request.mini_batch_id)
    return {
        "project_name": request.project_name,
        "feature_spec_version": request.feature_spec_version,
        "dry_run": request.dry_run,
        "pipeline_name": MINI_BATCH_PIPELINE,
        "parameters": parameters,
        "message": f"Mini batch {parameters['MiniBatchId']} of {request.project_name}: {batch}.",
    }
