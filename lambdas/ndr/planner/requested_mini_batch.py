"""From the input of the `mini_batch` machine to its plan."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ndr.contract.pipelines import MINI_BATCH_PIPELINE
from ndr.planner.mini_batch import plan_mini_batch
from ndr.planner.plan import MiniBatchPlan
from ndr.planner.requests import MiniBatchRequest, parse_request
from ndr.planner.services import Services


def plan_requested_mini_batch(services: Services, document: Any, now: datetime) -> MiniBatchPlan:
    """Check a request and plan it.

    Raises
    ------
    InvalidRequestError, JobSpecNotFoundError, JobSpecInvalidError
    """
    defaults = {**services.defaults, "settle_minutes": services.settle_minutes}
    request = parse_request(MiniBatchRequest, document, now, defaults)
    running = services.running(MINI_BATCH_PIPELINE, now)
    plan = plan_mini_batch(request, services.jobspecs_of(request), now, running)
    return plan.with_suffix(services.pipeline_name_suffix)
