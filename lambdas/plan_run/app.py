"""Lambda ``plan_run``: which pipeline executions honour a request, and what became of them. Starts nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import parse
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import ClientError
from pydantic import AwareDatetime, BaseModel, ConfigDict

from ndr.contract.errors import JobSpecNotFoundError, NdrError, PipelineFailedError
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import (
    DELTA_BUILDER,
    FG_A_BUILDER,
    FG_B_BUILDER,
    PAIR_COUNTS_BUILDER,
    JobSpec,
    JobSpecs,
    check_jobspecs,
    read_jobspecs,
)
from ndr.contract.ledger import LedgerEntry, is_over, mark_stale, note_insufficient
from ndr.contract.pipelines import FG_B_PIPELINE, INVENTORY_PIPELINE, MINI_BATCH_PIPELINE, fifteen_minute_steps
from ndr.contract.time import DAY, SLICE, Interval, floor_to, horizon_interval
from ndr.planner import (
    baseline_targets,
    find_running,
    plan_baselines,
    plan_mini_batch,
    read_entries,
    report_baselines,
)
from ndr.planner.baselines import Running, Targets, series_of
from ndr.planner.late import plan_late
from ndr.planner.late_files import SETTLED, find_late
from ndr.planner.requests import BaselinesRequest, MiniBatchRequest, parse_request
from ndr.planner.running import RunningExecution
from ndr.planner.stale_batches import find_rebuilds
from ndr.planner.upstream import Upstream, find_upstream

logger = Logger(service="plan_run")
tracer = Tracer(service="plan_run")
metrics = Metrics(namespace="ndr", service="plan_run")
dynamodb = boto3.resource("dynamodb")
# A plan asks SageMaker a few things about each execution that runs, and must not fail for being throttled in between.
sagemaker = boto3.client("sagemaker", config=Config(retries={"mode": "standard", "max_attempts": 8}))
s3 = boto3.client("s3")


class PlanRunEvent(BaseModel):
    """What the machines send.

    Attributes
    ----------
    kind : {"baselines", "mini_batch", "report", "fail"}
        Which machine asks for a plan; `report`, what became of the baselines of a plan; `fail`, to fail as told.
    request : any
        The machine's input as it was typed; checked by the contract, which explains what is wrong with it.
    started_at : datetime
        The execution's start, which is the plan's "now".
    execution : str, optional
        The execution's ARN, by which its log lines are found.
    baselines, stale, series
        For a report: the baselines of the windows that succeeded, those that what was built again makes stale, and the
        plan's ledger keys.
    error, cause, redriven
        To fail: the name and the sentence; not where the execution was redriven since, which is to go on.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Literal["baselines", "mini_batch", "report", "fail"]
    request: Any = None
    started_at: AwareDatetime
    execution: str | None = None
    baselines: list[str] = []
    stale: list[str] = []
    series: dict[str, str] = {}
    error: str = ""
    cause: str = ""
    redriven: bool = False


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
    if asked.kind == "fail":
        return _fail(asked)
    if asked.kind == "report":
        return _report(asked)
    plan = (_plan_baselines if asked.kind == "baselines" else _plan_mini_batch)(asked.request, asked.started_at)
    logger.info(plan["message"], extra={"kind": asked.kind, "request": asked.request})
    metrics.add_dimension(name="kind", value=asked.kind)
    metrics.add_metric(name="PipelineRunsPlanned", unit=MetricUnit.Count, value=len(plan.get("runs", [plan])))
    metrics.add_metric(name="BaselinesPlanned", unit=MetricUnit.Count, value=plan.get("baselines", 0))
    return plan


def _plan_baselines(document: Any, now: datetime) -> dict[str, Any]:
    request = parse_request(BaselinesRequest, document, now, _defaults())
    jobspecs = check_jobspecs(_jobspecs_of(request))
    if request.mode == "LATE":
        return _plan_late(request, jobspecs, now)
    targets = baseline_targets(request, jobspecs[FG_B_BUILDER].spec, now)
    running = _running(request, now)  # before the ledger, where what ends in between is found completed
    entries = {
        horizon: _entries(series_of(request, horizon), ends[0], ends[-1]) if ends else {}
        for horizon, ends in targets.items()
    }
    plan = plan_baselines(request, jobspecs, targets, entries, now, _upstream(jobspecs, targets), running)
    if not request.dry_run:
        _note_insufficient(plan)
    return {**plan, "insufficient": len(plan["insufficient"])}  # all the sentences would not fit; the ledger has them


def _plan_late(request: BaselinesRequest, jobspecs: JobSpecs, now: datetime) -> dict[str, Any]:
    spec, end = jobspecs[DELTA_BUILDER].spec, floor_to(now - SETTLED, SLICE)
    since = Interval(min(request.start or now - 7 * DAY, end - SLICE), end)
    found = find_late(s3, spec.outputs.deltas, spec.inputs.integration, since)
    running = _running_of(MINI_BATCH_PIPELINE, now)
    rebuilds = find_rebuilds(running, fifteen_minute_steps(jobspecs), [since])
    batches = [*found.batches, *(each.batch for each in rebuilds)]
    entries = {
        horizon: _entries(
            series_of(request, horizon),
            min(each.start for each in batches),
            max(each.end for each in batches) + HORIZONS[horizon],
        )
        for horizon in request.horizons
        if batches
    }
    plan = plan_late(request, jobspecs, found, entries, rebuilds)
    if not request.dry_run:
        _mark_stale(plan["stale"], plan["series"])
    return plan


def _running(request: BaselinesRequest, now: datetime) -> Running:
    """Look for what runs already of the pipelines that the plan can start."""
    asked = {FG_B_PIPELINE: True, INVENTORY_PIPELINE: request.inventory, MINI_BATCH_PIPELINE: request.fill_upstream}
    return {name: _running_of(name, now) for name, is_asked in asked.items() if is_asked}


def _running_of(pipeline_name: str, now: datetime) -> list[RunningExecution]:
    """Look for what runs of a pipeline; nothing where that is refused, as for a moment of an upgrade."""
    try:
        return find_running(sagemaker, pipeline_name, now)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException":
            raise
        logger.warning("what runs is not known, and may be started beside", extra={"reason": str(error)})
        return []


def _mark_stale(names: list[str], series: Mapping[str, str]) -> None:
    table = dynamodb.Table(os.environ["NDR_LEDGER_TABLE"])
    for name in names:
        horizon, _, as_of = name.partition(" ")
        mark_stale(table, {"series": series[horizon], "as_of": as_of}, datetime.now(UTC))


def _upstream(jobspecs: JobSpecs, targets: Targets) -> Upstream | None:
    intervals = [horizon_interval(horizon, end) for horizon, ends in targets.items() for end in ends]
    if not intervals:
        return None
    span = Interval(min(each.start for each in intervals), max(each.end for each in intervals))
    published = {
        "deltas": jobspecs[DELTA_BUILDER].spec.outputs.deltas,
        "fg_a": jobspecs[FG_A_BUILDER].spec.outputs.fg_a,
        "pair_counts": jobspecs[PAIR_COUNTS_BUILDER].spec.outputs.pair_counts,
    }
    return find_upstream(s3, published, jobspecs[DELTA_BUILDER].spec.inputs.integration, span)


def _note_insufficient(plan: dict[str, Any]) -> None:
    """Note in the ledger what is not run for want of history; what is completed, or somebody's, stays as it is."""
    table = dynamodb.Table(os.environ["NDR_LEDGER_TABLE"])
    for name, reason in plan["insufficient"].items():
        horizon, _, as_of = name.partition(" ")
        note_insufficient(table, {"series": plan["series"][horizon], "as_of": as_of}, reason, datetime.now(UTC))


def _fail(asked: PlanRunEvent) -> dict[str, Any]:
    """Raise what the machine failed with, under its own name where the contract knows it."""
    if asked.redriven:
        logger.info("redriven", extra={"error": asked.error, "cause": asked.cause})
        return {}
    named = {error.__name__: error for error in NdrError.__subclasses__()}
    if asked.error in named:
        raise named[asked.error](asked.cause)
    raise PipelineFailedError(f"{asked.error}: {asked.cause}")


def _report(asked: PlanRunEvent) -> dict[str, Any]:
    _mark_stale(asked.stale, asked.series)  # once more: one begun since the plan may have read what was before
    report = report_baselines(asked.baselines, asked.series, _entries)
    logger.info(report["message"], extra={"kind": asked.kind})
    return report


def _entries(series: str, first: datetime, last: datetime) -> dict[datetime, LedgerEntry]:
    """Read the ledger. Leases are judged by the clock, not by the execution's start, which may be hours ago."""
    ended = lru_cache(lambda holder: is_over(sagemaker, holder))
    return read_entries(dynamodb.Table(os.environ["NDR_LEDGER_TABLE"]), series, first, last, datetime.now(UTC), ended)


def _plan_mini_batch(document: Any, now: datetime) -> dict[str, Any]:
    settle = {"settle_minutes": os.environ["BATCH_SETTLE_MINUTES"]}
    request = parse_request(MiniBatchRequest, document, now, {**_defaults(), **settle})
    running = _running_of(MINI_BATCH_PIPELINE, now)
    return plan_mini_batch(request, check_jobspecs(_jobspecs_of(request)), now, running)


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
