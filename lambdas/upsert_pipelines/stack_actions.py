"""What the stack's custom resources ask for: pipelines registered and compared, or removed, and a release tried."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config
from smoke_test import SmokeTestError, goes_back, smoke_test
from upsert_request import UpsertRequest

logger = Logger(service="upsert_pipelines")

SMOKE_TEST: Final = "Custom::NdrSmokeTest"
PLAN_SECONDS: Final = 90
"""How long an answer of plan_run is waited for: longer than its own timeout."""

Upsert = Callable[[UpsertRequest], Mapping[str, Any]]
Action = Callable[[], Mapping[str, str]]


def asked_by_stack(event: Mapping[str, Any], upsert: Upsert) -> Action:
    """Return what the event of a custom resource asks for.

    Parameters
    ----------
    upsert : callable
        Registers pipelines, or says how they differ.
    """
    is_delete = event["RequestType"] == "Delete"
    if event["ResourceType"] == SMOKE_TEST:
        return dict if is_delete or goes_back(event) else partial(_try_plan_run, event)
    suffix = event["ResourceProperties"].get("PipelineNameSuffix", "")
    return partial(_remove_all, suffix) if is_delete else partial(_register, event, suffix, upsert)


def _register(event: Mapping[str, Any], suffix: str, upsert: Upsert) -> dict[str, str]:
    """Register all. An Update that changes the suffix of the names also removes what has the old one."""
    done = register_all(upsert)
    before = event.get("OldResourceProperties", {}).get("PipelineNameSuffix", suffix)
    return done if before == suffix else done | _remove_all(before)


def register_all(upsert: Upsert) -> dict[str, str]:
    """Register every pipeline, then compare what is registered with the sources.

    Returns
    -------
    dict of str to str
        What became of each pipeline.

    Raises
    ------
    SmokeTestError
        Something else is registered, as when another deploy wrote over it meanwhile.
    """
    done = {change["name"]: change["change"] for change in upsert(UpsertRequest())["pipelines"]}
    compared = upsert(UpsertRequest(dry_run=True))["pipelines"]
    if other := [change["name"] for change in compared if change["change"] != "unchanged"]:
        raise SmokeTestError(
            f"{', '.join(other)}: registered by this deploy, and now another definition is registered. Another deploy "
            "may be under way; deploy again when it has ended."
        )
    return done


def _remove_all(suffix: str) -> dict[str, str]:
    from ndr.pipeline.registry.removal import remove_pipelines

    removals = remove_pipelines(
        role_arn=os.environ["PIPELINE_ROLE_ARN"], region=os.environ["AWS_REGION"], suffix=suffix
    )
    for removal in removals:
        logger.info("Pipeline %s: %s", removal.name, removal.outcome)
    return {removal.name: removal.outcome for removal in removals}


def _try_plan_run(event: Mapping[str, Any]) -> dict[str, str]:
    patient = Config(read_timeout=PLAN_SECONDS, retries={"total_max_attempts": 1})
    functions = boto3.client("lambda", config=patient)
    said = smoke_test(functions, event["ResourceProperties"]["PlanRunFunction"], datetime.now(UTC))
    for kind, message in said.items():
        logger.info("plan_run plans %s: %s", kind, message)
    return said
