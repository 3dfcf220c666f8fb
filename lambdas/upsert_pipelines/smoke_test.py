"""The smoke test of a deploy: the new version of ``plan_run`` plans what the schedules ask for, and writes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ndr.contract.errors import JobSpecNotFoundError, NdrError
from ndr.contract.time import format_instant

KINDS: Final = ("mini_batch", "baselines")
"""What is planned: for each machine of a schedule its default request, as a dry run."""
SAID_LIMIT: Final = 1000


class SmokeTestError(NdrError):
    """What was deployed does not do its work. The deploy fails, and the previous release goes on."""


def smoke_test(functions: Any, plan_run: str, now: datetime) -> dict[str, str]:
    """Let a version of ``plan_run`` plan each kind of request.

    Parameters
    ----------
    functions : boto3 client
        Of Lambda.
    plan_run : str
        ARN of the version.
    now : datetime
        The plans' "now".

    Returns
    -------
    dict of str to str
        The plan's message by kind. A project without JobSpecs passes: the first deploy comes before them.

    Raises
    ------
    SmokeTestError
        The function failed, or refused the request.
    """
    return {kind: _plan(functions, plan_run, kind, now) for kind in KINDS}


def _plan(functions: Any, plan_run: str, kind: str, now: datetime) -> str:
    event = {"kind": kind, "request": {"dry_run": True}, "started_at": format_instant(now)}
    answer = functions.invoke(FunctionName=plan_run, Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SmokeTestError(f"{plan_run} failed to plan {kind}: {_error(payload)}")
    refused = payload.get("refused")
    if refused is None:
        return str(payload["message"])[:SAID_LIMIT]
    if refused["error"] != JobSpecNotFoundError.__name__:
        raise SmokeTestError(f"{plan_run} refused to plan {kind}: {refused['error']}: {refused['message']}")
    return str(refused["message"])[:SAID_LIMIT]


def _error(payload: Mapping[str, Any]) -> str:
    return f"{payload.get('errorType', 'no error type')}: {payload.get('errorMessage', 'no message')}"


def goes_back(event: Mapping[str, Any]) -> bool:
    """Tell whether a stack event returns to an earlier version, as a rollback does; it must not fail a second time."""
    before, after = (
        str(event.get(properties, {}).get("PlanRunFunction", ""))
        for properties in ("OldResourceProperties", "ResourceProperties")
    )
    return before != "" and _number(after) < _number(before)


def _number(version_arn: str) -> int:
    return int(version_arn.rpartition(":")[2])
