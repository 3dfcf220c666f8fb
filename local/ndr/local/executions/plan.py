"""What a request would start: the plan that the deployed `plan_run` makes of it as a dry run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from botocore.config import Config

from ndr.contract.time import format_instant
from ndr.contract.wording import counted
from ndr.local.console.tables import Listing
from ndr.local.deployment.deployment import Deployment
from ndr.planner.failure import named_error

_PATIENCE: Final = Config(read_timeout=300, retries={"total_max_attempts": 1})
"""A plan is waited for, and asked for once: the function's own timeout is a minute."""


def dry_plan(deployment: Deployment, machine: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan of a request to a machine. Nothing is started, and nothing is noted in the ledger.

    Raises
    ------
    NdrError
        The request is refused; the error is the one that its execution would fail with.
    """
    event = {
        "kind": machine,
        "started_at": format_instant(datetime.now(UTC)),
        "request": {**request, "dry_run": True},
    }
    answer = deployment.account.client("lambda", _PATIENCE).invoke(
        FunctionName=deployment.outputs["PlanRunFunctionName"], Payload=json.dumps(event).encode()
    )
    said = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise named_error(said.get("errorType", "FunctionError"), said.get("errorMessage", "no message was given"))
    if "refused" in said:
        raise named_error(said["refused"]["error"], said["refused"]["message"])
    return dict(said)


def plan_listings(plan: Mapping[str, Any]) -> list[Listing]:
    """List the pipeline executions of a plan in their order, and what it leaves out."""
    columns = ("builds", "from", "to", "pipeline", "follows")
    listings = [Listing("executions", "Pipeline executions", columns, list(_executions(plan)))]
    left_out = list(_left_out(plan))
    if left_out:
        of_left_out = ("horizon", "status", "first", "last", "baselines", "why")
        listings.append(Listing("left_out", "Left out", of_left_out, left_out, right=("baselines",)))
    return listings


def _executions(plan: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """Yield what each builds, the first and the last of it, its pipeline, and the execution that does it already."""
    if "runs" not in plan:
        asked = plan["parameters"]
        follows = plan.get("pipeline_execution_arn") or plan.get("wait_for")
        yield "mini-batch", asked["BatchStartTsIso"], asked["BatchEndTsIso"], plan["pipeline_name"], follows
        return
    for asked in plan["batches"]:
        follows = plan["followed_batches"].get(asked["MiniBatchId"])
        yield "features", asked["BatchStartTsIso"], asked["BatchEndTsIso"], plan["batch_pipeline"], follows
    if compaction := plan.get("compaction"):
        asked = compaction["parameters"]
        yield "compacted days", asked["DayStartTsIso"], asked["DayEndTsIso"], compaction["pipeline_name"], None
    if inventory := plan.get("inventory"):
        follows = inventory.get("pipeline_execution_arn")
        yield "machine inventory", None, None, inventory["pipeline_name"], follows
    for run in plan["runs"]:
        yield (*_baselines(run["baselines"]), plan["pipeline_name"], run.get("pipeline_execution_arn"))


def _baselines(names: list[str]) -> tuple[str, str, str]:
    """Return how many baselines of which horizons a run builds, and the first and the last end."""
    horizons = sorted({name.partition(" ")[0] for name in names}, key=lambda horizon: (len(horizon), horizon))
    ends = sorted(name.partition(" ")[2] for name in names)
    return f"{counted(len(names), 'baseline')} of {' and '.join(horizons)}", ends[0], ends[-1]


def _left_out(plan: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for stretch in plan.get("skipped", []):
        why = stretch.get("reason") or stretch.get("holder")
        yield stretch["horizon"], stretch["status"], stretch["first"], stretch["last"], stretch["count"], why
    for span in plan.get("not_delivered", []):
        yield None, "not delivered", span, None, None, "no mini-batch was delivered for it"
