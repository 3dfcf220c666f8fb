"""The report of a deployment on this machine, or of a stack in AWS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from ndr.contract.errors import InvalidRequestError, JobSpecNotFoundError, NdrError
from ndr.contract.jobspecs import JobSpec, check_jobspecs
from ndr.local.check.executions import MACHINES
from ndr.local.check.stack import read_stack
from ndr.local.deployment.deployment import Deployment, all_items
from ndr.report.executions import last_executions
from ndr.report.write import write_report

NAME = "report.html"


def report_of_deployment(deployment: Deployment, out: Path | None, days: int) -> Path:
    """Write the report of an account on this machine, by default into the folder of the account; return its path.

    Raises
    ------
    NdrError
        Nothing is published, or it can't be read.
    """
    states, sagemaker = deployment.client("stepfunctions"), deployment.client("sagemaker")
    executions = last_executions(states, sagemaker, deployment.machines)
    place = (out or deployment.account.directory / NAME).resolve()
    ledger = all_items(deployment.table("LedgerTableName"))
    write_report(deployment.jobspecs(), executions, ledger, place.as_uri(), days)
    return place


def report_of_stack(name: str, out: Path | None, days: int) -> Path:
    """Write the report of a stack in AWS, by default into the working directory; return its path.

    Raises
    ------
    NdrError
        The stack can't be read, nothing is published, or it can't be read.
    """
    stack = read_stack(name, boto3.Session(), datetime.now(UTC))
    if not stack.is_of_this_project:
        raise InvalidRequestError(f"The stack {name!r} is not of this project: it has no output JobSpecTableName.")
    os.environ.setdefault("AWS_REGION", stack.region)  # Arrow's S3 client asks for it
    machines = {machine: stack.outputs[output] for machine, (output, _) in MACHINES.items()}
    executions = last_executions(stack.client("stepfunctions"), stack.client("sagemaker"), machines)
    place = (out or Path(f"{name}-{NAME}")).resolve()
    jobspecs = check_jobspecs(_present(stack.jobspecs))
    write_report(jobspecs, executions, all_items(stack.table("LedgerTableName")), place.as_uri(), days)
    return place


def _present(found: Mapping[str, JobSpec[Any] | NdrError]) -> list[JobSpec[Any]]:
    """Return the JobSpecs of a stack; one that is absent is left out, another error is raised."""
    for each in found.values():
        if isinstance(each, NdrError) and not isinstance(each, JobSpecNotFoundError):
            raise each
    return [each for each in found.values() if isinstance(each, JobSpec)]
