"""Lambda ``plan_run``: checks a request and says which pipeline executions honour it. Starts nothing."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any, Literal

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import parse
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel, ConfigDict

from ndr.contract.errors import JobSpecNotFoundError
from ndr.contract.jobspecs import JobSpec, check_jobspecs, read_jobspecs
from ndr.contract.planning import baseline_targets, plan_baselines, plan_mini_batch, read_statuses
from ndr.contract.planning.baselines import series_of
from ndr.contract.requests import BaselinesRequest, MiniBatchRequest, parse_request

logger = Logger(service="plan_run")
tracer = Tracer(service="plan_run")
metrics = Metrics(namespace="ndr", service="plan_run")
dynamodb = boto3.resource("dynamodb")


class PlanRunEvent(BaseModel):
    """What the machines send.

    Attributes
    ----------
    kind : {"baselines", "mini_batch"}
        Which machine asks.
    request : any
        The machine's input as it was typed; checked by the contract, which explains what is wrong with it.
    started_at : datetime
        The execution's start, which is the plan's "now".
    execution : str, optional
        The execution's ARN, by which its log lines are found.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["baselines", "mini_batch"]
    request: Any = None
    started_at: AwareDatetime
    execution: str | None = None


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Plan one execution of the ``baselines`` or the ``mini_batch`` machine.

    Raises
    ------
    InvalidRequestError
        The request can't be run as it is.
    JobSpecNotFoundError
        The table holds no JobSpec of the project and version.
    JobSpecInvalidError
        The JobSpecs in the table break a rule, or do not fit together.
    """
    asked = parse(event=event, model=PlanRunEvent)
    logger.append_keys(execution=asked.execution)
    plan = (_plan_baselines if asked.kind == "baselines" else _plan_mini_batch)(asked.request, asked.started_at)
    logger.info(plan["message"], extra={"kind": asked.kind, "request": asked.request})
    metrics.add_dimension(name="kind", value=asked.kind)
    metrics.add_metric(name="PipelineRunsPlanned", unit=MetricUnit.Count, value=len(plan.get("runs", [plan])))
    metrics.add_metric(name="BaselinesPlanned", unit=MetricUnit.Count, value=plan.get("baselines", 0))
    return plan


def _plan_baselines(document: Any, now: datetime) -> dict[str, Any]:
    request = parse_request(BaselinesRequest, document, now, _defaults())
    jobspecs = check_jobspecs(_jobspecs_of(request))
    targets = baseline_targets(request, jobspecs["fg_b_builder"].spec, now)
    ledger = dynamodb.Table(os.environ["NDR_LEDGER_TABLE"])
    statuses = {
        horizon: read_statuses(ledger, series_of(request, horizon), ends[0], ends[-1]) if ends else {}
        for horizon, ends in targets.items()
    }
    return plan_baselines(request, jobspecs, targets, statuses, now)


def _plan_mini_batch(document: Any, now: datetime) -> dict[str, Any]:
    settle = {"settle_minutes": os.environ["BATCH_SETTLE_MINUTES"]}
    request = parse_request(MiniBatchRequest, document, now, {**_defaults(), **settle})
    return plan_mini_batch(request, check_jobspecs(_jobspecs_of(request)), now)


def _jobspecs_of(request: BaselinesRequest | MiniBatchRequest) -> list[JobSpec]:
    table = dynamodb.Table(os.environ["NDR_JOBSPEC_TABLE"])
    found = read_jobspecs(table, request.project_name, request.feature_spec_version)
    if not found:
        raise JobSpecNotFoundError(
            f"Table {table.name} holds no JobSpec of project {request.project_name!r}, version "
            f"{request.feature_spec_version!r}; check project_name and feature_spec_version, or put the JobSpecs with "
            "`ndr jobspec put FILE`."
        )
    return found


def _defaults() -> dict[str, str]:
    return {
        "project_name": os.environ["DEFAULT_PROJECT_NAME"],
        "feature_spec_version": os.environ["DEFAULT_FEATURE_SPEC_VERSION"],
    }
