"""Lambda ``plan_run``: which pipeline executions honour a request, what became of them, and which events tell of it.

It starts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import parse
from aws_lambda_powertools.utilities.typing import LambdaContext
from events import Fail, PlanBaselines, PlanMiniBatch, PlanRunEvent, ReportBaselines, ReportMiniBatch, SendEvents
from reporting import reported
from sending import next_events

from ndr.contract.errors import JobSpecNotFoundError, NdrError
from ndr.planner.failure import end_task, named_error
from ndr.planner.plan import BaselinesPlan, MiniBatchPlan
from ndr.planner.requested_baselines import plan_requested_baselines
from ndr.planner.requested_mini_batch import AnyPlan, plan_requested_mini_batch
from ndr.planner.services import Services
from ndr.planner.waiting import WaitingPlan, waiting_plan

logger = Logger(service="plan_run")
tracer = Tracer(service="plan_run")
metrics = Metrics(namespace="ndr", service="plan_run")
services = Services.in_environment(logger)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Plan one execution of a machine, report on it, or end it as it failed.

    Returns
    -------
    dict
        The plan or the report. For a request that cannot be run as it is, `refused` with its `error`, the name, and
        `message`, the sentence.
    """
    asked = parse(event=event, model=PlanRunEvent)
    logger.append_keys(execution=asked.execution)
    match asked:
        case PlanBaselines() | PlanMiniBatch():
            try:
                return _planned(asked)
            except NdrError as error:
                return _refused(asked, error)
        case ReportBaselines() | ReportMiniBatch():
            report = reported(services, asked)
            logger.info(report.message, extra={"kind": asked.kind})
            return report.document()
        case SendEvents():
            return _events(asked)
    return _end(asked)


def _planned(asked: PlanBaselines | PlanMiniBatch) -> dict[str, Any]:
    plan: BaselinesPlan | AnyPlan | WaitingPlan
    try:
        if isinstance(asked, PlanBaselines):
            plan = baselines = plan_requested_baselines(services, asked.request, asked.started_at)
            counts = {"PipelineRunsPlanned": len(baselines.runs), "BaselinesPlanned": baselines.baselines}
        else:
            plan = plan_requested_mini_batch(services, asked.request, asked.started_at, asked.execution)
            counts = {"PipelineRunsPlanned": int(isinstance(plan, MiniBatchPlan))}
    except JobSpecNotFoundError as error:
        plan, counts = waiting_plan(asked.request, error), {"PipelineRunsPlanned": 0}
    logger.info(plan.message, extra={"kind": asked.kind, "request": asked.request})
    _count(counts, kind=asked.kind)
    return plan.document()


def _refused(asked: PlanBaselines | PlanMiniBatch, error: NdrError) -> dict[str, Any]:
    """Answer that a request cannot be run. This function does not fail then."""
    refused = {"error": type(error).__name__, "message": str(error)}
    logger.warning(refused["message"], extra={"kind": asked.kind, "request": asked.request, "error": refused["error"]})
    _count({"RequestsRefused": 1}, kind=asked.kind, error=refused["error"])
    return {"refused": refused}


def _events(asked: SendEvents) -> dict[str, Any]:
    """Answer which events the machine sends next. What was not sent is counted, and does not fail the machine."""
    if asked.failure is not None:
        logger.error("events not sent", extra={"reason": asked.failure, "events": len(asked.unsent)})
        _count({"EventsNotSent": len(asked.unsent)})
    found = next_events(services, asked)
    return {"events": [event.document() for event in found]}


def _end(asked: Fail) -> dict[str, Any]:
    """End the machine's task as it asks."""
    logger.info("redriven" if asked.redriven else "failed", extra={"error": asked.error, "cause": asked.cause})
    if asked.task_token is None:
        if asked.redriven:
            return {}
        raise named_error(asked.error, asked.cause)
    if not (asked.redriven or asked.refused):
        _count({"ExecutionsFailed": 1}, error=asked.error)
    end_task(services.states, asked.task_token, None if asked.redriven else (asked.error, asked.cause))
    return {}


def _count(values: Mapping[str, int], **dimensions: str) -> None:
    """Count beside the project of the stack: another stack of the account has metrics of the same names."""
    for name, text in {"project": services.defaults["project_name"], **dimensions}.items():
        metrics.add_dimension(name=name, value=text)
    for name, value in values.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
