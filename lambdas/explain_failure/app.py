"""Lambda ``explain_failure``: why a pipeline execution did not succeed, in a sentence with the log's link."""

from __future__ import annotations

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import parse
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field

from ndr.explanation import explain

logger = Logger(service="explain_failure")
tracer = Tracer(service="explain_failure")
metrics = Metrics(namespace="ndr", service="explain_failure")
sagemaker = boto3.client("sagemaker")
logs = boto3.client("logs")


class ExplainFailureEvent(BaseModel):
    """What ``run_pipeline`` sends.

    Attributes
    ----------
    pipeline_execution_arn : str
    deadline_seconds : int, optional
        Given when the machine stopped the execution because it ran longer than this.
    execution : str, optional
        ARN of the machine's own execution, by which its log lines are found.
    """

    model_config = ConfigDict(extra="forbid")

    pipeline_execution_arn: str = Field(pattern=r"^arn:[a-z-]+:sagemaker:.+:pipeline/.+/execution/.+$")
    deadline_seconds: int | None = None
    execution: str | None = None


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return ``pipeline``, ``execution``, ``status``, ``step``, ``reason``, ``log_url`` and a ``message``."""
    asked = parse(event=event, model=ExplainFailureEvent)
    logger.append_keys(execution=asked.execution, pipeline_execution=asked.pipeline_execution_arn)
    explanation = explain(sagemaker, logs, asked.pipeline_execution_arn, asked.deadline_seconds)
    logger.info(explanation["message"], extra={"explanation": explanation})
    metrics.add_dimension(name="pipeline", value=explanation["pipeline"])
    metrics.add_metric(name="PipelineFailuresExplained", unit=MetricUnit.Count, value=1)
    return explanation
