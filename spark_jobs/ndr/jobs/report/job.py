"""The report job: reads what is published, the ledger and the last executions, and writes one HTML file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ndr.contract.datasets import FG_B
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import FG_B_BUILDER, JobSpecs, check_jobspecs, read_jobspecs
from ndr.contract.ledger import ledger_key
from ndr.contract.time import EPOCH
from ndr.jobs.run import Run, job_logger
from ndr.report.executions import Execution, last_executions
from ndr.report.write import write_report
from ndr.store import aws
from ndr.store.storage import join

_MACHINES: Final = {
    "mini_batch": "MiniBatchMachineArn",
    "baselines": "BaselinesMachineArn",
    "run_pipeline": "RunPipelineMachineArn",
}
"""Machine to the output of the stack with its ARN."""
_SHORT: Final = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})
"""A job in a VPC may reach neither CloudFormation nor Step Functions: it then says so soon."""


def publish_report(run: Run, ledger: Any, stack_name: str | None, now: datetime | None = None) -> str:
    """Write the report of a project beside its baselines, and return its URI.

    Parameters
    ----------
    ledger : DynamoDB table
        The ledger.
    stack_name : str or None
        The stack whose machines' executions are told; None: none are.

    Raises
    ------
    NdrError
        Nothing is published, or it can't be read.
    """
    found = read_jobspecs(run.table, run.project_name, run.feature_spec_version)
    jobspecs = check_jobspecs(found)
    destination = report_uri(jobspecs)
    executions, note = _executions(run, stack_name)
    write_report(jobspecs, executions, _baseline_items(run, ledger), destination, now=now, note=note)
    return destination


def report_uri(jobspecs: JobSpecs) -> str:
    """Return `<folder of the baselines' prefix>/report/<project>-<version>.html`."""
    jobspec = jobspecs[FG_B_BUILDER]
    folder = jobspec.spec.outputs.fg_b.rstrip("/").rpartition("/")[0]
    return join(folder, "report", f"{jobspec.project_name}-{jobspec.feature_spec_version}.html")


def ledger_in_environment() -> Any:
    """Return the ledger that NDR_LEDGER_TABLE names."""
    return aws.dynamodb_table(os.environ.get("NDR_LEDGER_TABLE", "ndr-ledger"))


def _executions(run: Run, stack_name: str | None) -> tuple[Sequence[Execution], str | None]:
    """Return the last executions, or why they can't be read: the report is made without them."""
    if stack_name is None:
        return [], "The pipelines were registered without the name of a stack, so its executions are not known."
    try:
        (stack,) = aws.client("cloudformation", config=_SHORT).describe_stacks(StackName=stack_name)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
        machines = {machine: outputs[output] for machine, output in _MACHINES.items()}
        states, sagemaker = (aws.client(service, config=_SHORT) for service in ("stepfunctions", "sagemaker"))
        return last_executions(states, sagemaker, machines), None
    except (BotoCoreError, ClientError, KeyError) as error:
        sentence = f"The executions of the stack {stack_name!r} could not be read: {error}"
        job_logger(run.job_name).warning(sentence)
        return [], sentence


def _baseline_items(run: Run, ledger: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for horizon in HORIZONS:
        series = ledger_key(run.project_name, run.feature_spec_version, FG_B, horizon, EPOCH)["series"]
        asked: dict[str, Any] = {
            "KeyConditionExpression": "series = :series",
            "ExpressionAttributeValues": {":series": series},
        }
        page = ledger.query(**asked)
        items += page["Items"]
        while "LastEvaluatedKey" in page:
            page = ledger.query(**asked, ExclusiveStartKey=page["LastEvaluatedKey"])
            items += page["Items"]
    return items
