"""Lambda ``plan_run``: which pipeline executions honour a request, and what became of them. Starts nothing."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import parse
from aws_lambda_powertools.utilities.typing import LambdaContext
from events import Fail, PlanBaselines, PlanMiniBatch, PlanRunEvent, ReportBaselines

from ndr.contract.errors import JobSpecNotFoundError
from ndr.planner.failure import named_error
from ndr.planner.report import report_baselines
from ndr.planner.requested_baselines import plan_requested_baselines
from ndr.planner.requested_mini_batch import plan_requested_mini_batch
from ndr.planner.services import Services
from ndr.planner.waiting import waiting_plan

logger = Logger(service="plan_run")
tracer = Tracer(service="plan_run")
metrics = Metrics(namespace="ndr", service="plan_run")
services = Services.in_environment(logger)


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Plan one execution of a machine, report on it, or fail as it failed.

    Raises
    ------
    NdrError
        The request cannot be run as it is, or the machine asks to fail under this name.
    """
    asked = parse(event=event, model=PlanRunEvent)
    logger.append_keys(execution=asked.execution)
    match asked:
        case PlanBaselines() | PlanMiniBatch():
            return _planned(asked)
        case ReportBaselines():
            # Once more: a baseline that began since the plan may have read the old features.
            services.mark_stale(asked.stale, asked.series)
            report = report_baselines(asked.baselines, asked.series, services.ledger_rows)
            logger.info(report.message, extra={"kind": asked.kind})
            return report.document()
        case Fail(redriven=True):
            logger.info("redriven", extra={"error": asked.error, "cause": asked.cause})
            return {}
    raise named_error(asked.error, asked.cause)


def _planned(asked: PlanBaselines | PlanMiniBatch) -> dict[str, Any]:
    try:
        if isinstance(asked, PlanBaselines):
            plan = plan_requested_baselines(services, asked.request, asked.started_at)
            return _answered(asked, plan.document(), runs=len(plan.runs), baselines=plan.baselines)
        batch = plan_requested_mini_batch(services, asked.request, asked.started_at, asked.execution)
        return _answered(asked, batch.document(), runs=1, baselines=0)
    except JobSpecNotFoundError as error:
        return _answered(asked, waiting_plan(asked.request, error).document(), runs=0, baselines=0)


def _answered(asked: PlanBaselines | PlanMiniBatch, plan: dict[str, Any], runs: int, baselines: int) -> dict[str, Any]:
    logger.info(plan["message"], extra={"kind": asked.kind, "request": asked.request})
    metrics.add_dimension(name="kind", value=asked.kind)
    metrics.add_metric(name="PipelineRunsPlanned", unit=MetricUnit.Count, value=runs)
    metrics.add_metric(name="BaselinesPlanned", unit=MetricUnit.Count, value=baselines)
    return plan
