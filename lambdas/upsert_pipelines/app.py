"""Lambda ``upsert_pipelines``: registers the SageMaker pipelines that the deployed sources define."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from stack_actions import asked_by_stack
from stack_resource import answer_stack, is_stack_event
from upsert_request import UpsertRequest, parse_request

logger = Logger(service="upsert_pipelines")
tracer = Tracer(service="upsert_pipelines")
metrics = Metrics(namespace="ndr", service="upsert_pipelines")


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Register the pipelines that an :class:`UpsertRequest`, or a custom resource of the stack, asks for.

    Returns
    -------
    dict
        ``dry_run`` and ``pipelines``: for each its name, change (created, updated, unchanged), digest,
        registered_digest, differs_in and diff. Empty for CloudFormation, which is answered at its own address.

    Raises
    ------
    InvalidRequestError
        The event has another shape or names an unknown pipeline.
    """
    if is_stack_event(event):
        answer_stack(event, asked_by_stack(event, upsert))
        return {}
    return upsert(parse_request(event))


def upsert(request: UpsertRequest) -> dict[str, Any]:
    """Register what is asked and say what changed."""
    # The SageMaker SDK takes seconds to import and Lambda cuts initialisation off at ten: import it in the invocation,
    # which has the function's own timeout, and only for a request that is well-formed.
    from ndr.contract.fifteen_minutes import THREE_STEPS
    from ndr.pipeline.registry.images import check_images
    from ndr.pipeline.registry.registration import register_pipelines

    role_arn, region = os.environ["PIPELINE_ROLE_ARN"], os.environ["AWS_REGION"]
    if os.environ.get("CHECK_IMAGES") == "true":
        check_images(role_arn, region, with_spark=os.environ.get("SPARK_IMAGE_IS_GIVEN") == "true")
    changes = register_pipelines(
        role_arn=role_arn,
        region=region,
        default_bucket=os.environ["CODE_BUCKET"],
        names=request.pipelines,
        dry_run=request.dry_run,
        stack_name=os.environ.get("STACK_NAME"),
        suffix=os.environ.get("PIPELINE_NAME_SUFFIX", ""),
        fifteen_minutes=os.environ.get("FIFTEEN_MINUTE_PIPELINE", THREE_STEPS),
    )
    for change in changes:
        logger.info("Pipeline %s: %s", change.name, change.change, extra={"digest": change.digest})
    changed = sum(change.change != "unchanged" for change in changes)
    metrics.add_metric(name="PipelinesChanged", unit=MetricUnit.Count, value=0 if request.dry_run else changed)
    return {"dry_run": request.dry_run, "pipelines": [asdict(change) for change in changes]}
