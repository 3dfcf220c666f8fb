"""Stop an execution, and what it started."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.ledger import UNFINISHED
from ndr.local.executions.account import NESTED, RUNNING, ExecutionAccount
from ndr.local.executions.find import Found
from ndr.local.executions.nested import nested_executions, pipelines_of

CAUSE: Final = "Stopped with `ndr stop`."
"""Cause of a stopped execution of a machine."""


def stop(account: ExecutionAccount, found: Found, *, keep_pipelines: bool = False) -> Iterator[tuple[str, str]]:
    """Stop an execution of a machine, then what it started, then its pipeline executions.

    The machine's execution comes first, so that it starts nothing more. Partial results are never published.

    Parameters
    ----------
    account : ExecutionAccount
    found : Found
    keep_pipelines : bool
        Let the pipeline executions end by themselves. The same request, started again, follows them.

    Yields
    ------
    tuple of str
        ARN of each execution that was asked to stop, and its machine or pipeline.
    """
    if found.is_pipeline:
        yield from _stop_pipeline(account.sagemaker, found.arn)
        return
    if _stop_machine(account.states, found.arn):
        yield found.arn, found.of
    for execution in [] if found.of == NESTED else nested_executions(account, found.arn):
        if _stop_machine(account.states, execution):
            yield execution, NESTED
    if not keep_pipelines:
        for arn in pipelines_of(account, found.arn):
            yield from _stop_pipeline(account.sagemaker, arn)


def _stop_machine(states: Any, execution: str) -> bool:
    if states.describe_execution(executionArn=execution)["status"] != RUNNING:
        return False
    states.stop_execution(executionArn=execution, error="Stopped", cause=CAUSE)
    return True


def _stop_pipeline(sagemaker: Any, arn: str) -> Iterator[tuple[str, str]]:
    described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    if described["PipelineExecutionStatus"] not in UNFINISHED or described["PipelineExecutionStatus"] == "Stopping":
        return
    try:
        sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":  # it has ended meanwhile
            raise
        return
    yield arn, described["PipelineArn"].rpartition("/")[2]
