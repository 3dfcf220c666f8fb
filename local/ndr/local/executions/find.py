"""Find an execution by what a person types: an ARN, a name, an id, or the beginning of a name."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.errors import InvalidRequestError
from ndr.contract.pipelines import PIPELINE_NAMES
from ndr.contract.wording import counted
from ndr.local.executions.account import NESTED, RUNNING, ExecutionAccount

_SEARCHED: Final = 1000
"""Newest executions of each machine among which the beginning of a name is looked for."""


@dataclass(frozen=True)
class Found:
    """An execution.

    Attributes
    ----------
    arn : str
    name : str
        What tells it from others: the name of a machine's execution, the id of a pipeline's.
    of : str
        Name of its machine or pipeline.
    is_pipeline : bool
        Whether it is an execution of a SageMaker pipeline.
    """

    arn: str
    name: str
    of: str
    is_pipeline: bool


def find_execution(account: ExecutionAccount, text: str) -> Found:
    """Return the execution that a text names.

    Parameters
    ----------
    account : ExecutionAccount
    text : str
        ARN or name of a machine's execution, ARN or id of a pipeline's execution, or the beginning of a name.

    Raises
    ------
    InvalidRequestError
        It names none, or more than one.
    """
    if ":pipeline/" in text:
        return _pipeline_execution(text)
    if ":execution:" in text:
        return Found(text, text.rpartition(":")[2], account.machine_of(text), False)
    named = _named(account, text) or _with_id(account, text)
    if named:
        return named
    listed = [each for machine in account.machines for each in newest_executions(account, machine, _SEARCHED)]
    begun = [each for each in listed if text and each.name.startswith(text)]
    if len(begun) == 1:
        return begun[0]
    raise InvalidRequestError(_which(text, begun, listed, account.options))


def newest_executions(account: ExecutionAccount, machine: str, count: int, status: str | None = None) -> list[Found]:
    """Return the newest executions of a machine, newest first; only those with a status, where one is given."""
    asked = {"statusFilter": status} if status else {}
    pages = account.states.get_paginator("list_executions").paginate(stateMachineArn=account.machines[machine], **asked)
    listed = islice((each for page in pages for each in page["executions"]), count)
    ordered = sorted(listed, key=lambda each: each["startDate"], reverse=True)
    return [Found(each["executionArn"], each["name"], machine, False) for each in ordered]


def started_by_people(account: ExecutionAccount) -> list[str]:
    """Return the machines whose executions a person or a schedule starts."""
    return [machine for machine in account.machines if machine != NESTED]


def newest_execution(account: ExecutionAccount, what: str, statuses: tuple[str | None, ...]) -> Found:
    """Return the newest execution with one of some statuses, without those that another execution started.

    Parameters
    ----------
    account : ExecutionAccount
    what : str
        What is looked for, for the error: "execution", "failed execution".
    statuses : tuple of str or None
        None is any status.

    Raises
    ------
    InvalidRequestError
        There is none.
    """
    newest = [
        (account.states.describe_execution(executionArn=found.arn)["startDate"], found)
        for status in statuses
        for machine in started_by_people(account)
        for found in newest_executions(account, machine, 1, status)
    ]
    if not newest:
        raise InvalidRequestError(f"There is no {what}. `ndr status{account.options}` lists the last ones.")
    return max(newest, key=lambda each: each[0])[1]


def running_executions(account: ExecutionAccount) -> list[Found]:
    """Return the executions that have not ended, without those that another execution started."""
    return [
        found
        for machine in started_by_people(account)
        for found in newest_executions(account, machine, _SEARCHED, RUNNING)
    ]


def _named(account: ExecutionAccount, name: str) -> Found | None:
    for machine, arn in account.machines.items():
        execution = f"{arn.replace(':stateMachine:', ':execution:')}:{name}"
        if _answers(lambda: account.states.describe_execution(executionArn=execution)):  # noqa: B023
            return Found(execution, name, machine, False)
    return None


def _with_id(account: ExecutionAccount, name: str) -> Found | None:
    """Return the pipeline execution with an id, which no call of SageMaker's looks for."""
    if not name.isalnum():
        return None
    for arn in _pipeline_arns(account):
        execution = f"{arn}/execution/{name}"
        if _answers(lambda: account.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)):  # noqa: B023
            return _pipeline_execution(execution)
    return None


def _pipeline_arns(account: ExecutionAccount) -> Iterator[str]:
    pages = account.sagemaker.get_paginator("list_pipelines").paginate(PipelineNamePrefix="ndr")
    for page in pages:
        for pipeline in page["PipelineSummaries"]:
            if pipeline["PipelineName"].startswith(PIPELINE_NAMES):
                yield pipeline["PipelineArn"]


def _answers(describe: Any) -> bool:
    """Tell whether a description exists. A text that cannot be a name is refused like one that is not there."""
    try:
        describe()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("ExecutionDoesNotExist", "ResourceNotFound", "InvalidArn", "InvalidName", "ValidationException"):
            return False
        raise
    return True


def _pipeline_execution(arn: str) -> Found:
    pipeline, _, name = arn.partition(":pipeline/")[2].partition("/execution/")
    return Found(arn, name, pipeline, True)


def _which(text: str, begun: list[Found], listed: list[Found], options: str) -> str:
    if begun:
        several = ", ".join(f"{each.name} ({each.of})" for each in begun[:5])
        count = counted(len(begun), "execution begins", "executions begin")
        return f"{count} with {text!r}: {several}. Write more of the name."
    close = difflib.get_close_matches(text, [each.name for each in listed], 1, 0.8)
    meant = f" Did you mean {close[0]}?" if close else ""
    return f"There is no execution {text!r}.{meant} `ndr status{options}` lists the last ones."
