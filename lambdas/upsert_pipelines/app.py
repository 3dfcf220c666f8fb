"""Lambda ``upsert_pipelines``: brings the account's SageMaker pipelines to what the deployed sources say."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.parser import ValidationError, parse
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, StrictBool
from stack_resource import answer_stack, is_stack_event

from ndr.contract.errors import InvalidRequestError

logger = Logger(service="upsert_pipelines")
tracer = Tracer(service="upsert_pipelines")
metrics = Metrics(namespace="ndr", service="upsert_pipelines")

REQUEST_SHAPE = '{"dry_run": true or false, "pipelines": [names]}, both of which may be left out'


class UpsertRequest(BaseModel):
    """What to register.

    Attributes
    ----------
    dry_run : bool
        Only say what would change.
    pipelines : list of str or None
        Names to register; all of them when left out.
    """

    model_config = ConfigDict(extra="forbid")

    dry_run: StrictBool = False
    pipelines: list[str] | None = None


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Register the asked pipelines.

    Parameters
    ----------
    event : dict
        See :class:`UpsertRequest`; or CloudFormation's, for the stack's own custom resource.
    context : LambdaContext

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
        answer_stack(event, register=_register_all, remove=_remove_all)
        return {}
    return upsert(parse_request(event))


def upsert(request: UpsertRequest) -> dict[str, Any]:
    """Register what is asked and say what changed."""
    # The SageMaker SDK takes seconds to import and Lambda cuts initialisation off at ten: import it in the invocation,
    # which has the function's own timeout, and only for a request that is well-formed.
    from ndr.pipeline.registry.registration import register_pipelines

    changes = register_pipelines(
        role_arn=os.environ["PIPELINE_ROLE_ARN"],
        region=os.environ["AWS_REGION"],
        default_bucket=os.environ["CODE_BUCKET"],
        names=request.pipelines,
        dry_run=request.dry_run,
    )
    for change in changes:
        logger.info("Pipeline %s: %s", change.name, change.change, extra={"digest": change.digest})
    changed = sum(change.change != "unchanged" for change in changes)
    metrics.add_metric(name="PipelinesChanged", unit=MetricUnit.Count, value=0 if request.dry_run else changed)
    return {"dry_run": request.dry_run, "pipelines": [asdict(change) for change in changes]}


def _register_all() -> dict[str, str]:
    return {change["name"]: change["change"] for change in upsert(UpsertRequest())["pipelines"]}


def _remove_all() -> dict[str, str]:
    from ndr.pipeline.registry.removal import remove_pipelines

    removals = remove_pipelines(role_arn=os.environ["PIPELINE_ROLE_ARN"], region=os.environ["AWS_REGION"])
    for removal in removals:
        logger.info("Pipeline %s: %s", removal.name, removal.outcome)
    return {removal.name: removal.outcome for removal in removals}


def parse_request(event: dict[str, Any]) -> UpsertRequest:
    """Return the event as a request.

    Raises
    ------
    InvalidRequestError
        With a sentence for each field that is wrong.
    """
    try:
        return parse(event=event, model=UpsertRequest)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the event'}: {problem['msg'].lower()}, found {problem['input']!r}"
            for problem in error.errors()
        )
        raise InvalidRequestError(f"The request can't be read ({problems}). Write {REQUEST_SHAPE}.") from error
