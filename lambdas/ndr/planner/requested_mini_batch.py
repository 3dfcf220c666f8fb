"""From the input of the `mini_batch` machine to its plan."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from ndr.contract.jobspecs import DELTA_BUILDER, JobSpecs
from ndr.contract.pipelines import batch_pipeline
from ndr.contract.time import Interval
from ndr.planner.batch_report import published_rows
from ndr.planner.claims import claim_batch
from ndr.planner.delivered_files import delivered_folders
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.mini_batch import plan_mini_batch
from ndr.planner.plan import BatchToReport, MiniBatchPlan
from ndr.planner.requests import MiniBatchRequest, parse_request
from ndr.planner.services import Services


def plan_requested_mini_batch(services: Services, document: Any, now: datetime, execution: str | None) -> MiniBatchPlan:
    """Check a request, claim its batch for the execution that asks, and plan it.

    A dry run, and a request that comes from no execution, claims nothing.

    Raises
    ------
    InvalidRequestError, JobSpecNotFoundError, JobSpecInvalidError
    """
    times = {"batch_minutes": services.batch_minutes, "settle_minutes": services.settle_minutes}
    defaults = {**services.defaults, **times}
    request = parse_request(MiniBatchRequest, document, now, defaults)
    jobspecs, batch, held_by = services.jobspecs_of(request), request.batch(now), None
    if execution and not request.dry_run:
        project = (request.project_name, request.feature_spec_version)
        held_by = claim_batch(services.ledger, services.states, project, batch, execution, now)
    # After the claim: whatever its last holder started is seen here.
    running = services.running(batch_pipeline(jobspecs), now)
    delivered_at = partial(_delivered_at, services, jobspecs, batch)
    plan = plan_mini_batch(request, jobspecs, now, running, delivered_at, held_by)
    if not request.dry_run:
        plan = plan.model_copy(update={"report": _to_report(services, request, jobspecs, batch)})
    return plan.with_suffix(services.pipeline_name_suffix)


def _to_report(services: Services, request: MiniBatchRequest, jobspecs: JobSpecs, batch: Interval) -> BatchToReport:
    """Return what the report is asked about, with the rows that are published now."""
    asked = BatchToReport(
        project_name=request.project_name,
        feature_spec_version=request.feature_spec_version,
        deltas=jobspecs[DELTA_BUILDER].spec.outputs.deltas,
        start=batch.start,
        end=batch.end,
    )
    return asked.model_copy(update={"replaced": published_rows(services.s3, asked)})


def _delivered_at(services: Services, jobspecs: JobSpecs, batch: Interval) -> datetime | None:
    """Return when the newest file of a batch was delivered; None without files, or where they cannot be listed."""
    prefixes = FeaturePrefixes.of(jobspecs)
    if not prefixes.integration.startswith("s3://"):
        return None
    try:
        folders = delivered_folders(services.s3, prefixes, batch)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "NoSuchBucket"):
            return None
        raise
    return max((file.modified_at for folder in folders for file in folder.files), default=None)
