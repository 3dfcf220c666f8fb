"""Why an execution did not succeed, as the account tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from ndr.contract.ledger import UNFINISHED
from ndr.explanation import explain
from ndr.local.executions.account import ExecutionAccount
from ndr.local.executions.find import Found
from ndr.local.executions.nested import history, pipelines_of
from ndr.report.spans import state_spans

SUCCEEDED: Final = ("SUCCEEDED", "Succeeded")


@dataclass(frozen=True)
class Answer:
    """Why an execution ended as it did, or what it is doing.

    Attributes
    ----------
    execution : str
        ARN.
    of : str
        Its machine or pipeline.
    status : str
    sentence : str
        The whole answer for a person.
    error : str or None
        Name of the error with which a machine's execution failed.
    pipelines : list of dict
        What `explain` says of each pipeline execution that did not succeed.
    """

    execution: str
    of: str
    status: str
    sentence: str
    error: str | None
    pipelines: list[dict[str, Any]]

    def document(self) -> dict[str, object]:
        """Return the answer as a JSON object."""
        return asdict(self)


def why(account: ExecutionAccount, found: Found) -> Answer:
    """Answer for an execution of a machine or of a pipeline.

    Raises
    ------
    botocore.exceptions.ClientError
        There is no such execution.
    """
    if found.is_pipeline:
        explained = explain(account.sagemaker, account.logs, found.arn)
        return Answer(found.arn, found.of, explained["status"], explained["message"], None, [explained])
    described = account.states.describe_execution(executionArn=found.arn)
    pipelines = [] if described["status"] in SUCCEEDED else list(_not_succeeded(account, found.arn))
    sentence = _sentence(account, found, described)
    return Answer(found.arn, found.of, described["status"], sentence, described.get("error"), pipelines)


def _not_succeeded(account: ExecutionAccount, execution: str) -> Iterator[dict[str, Any]]:
    for arn in pipelines_of(account, execution):
        status = account.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
        if status not in SUCCEEDED and status not in UNFINISHED:
            yield explain(account.sagemaker, account.logs, arn)


def _sentence(account: ExecutionAccount, found: Found, described: dict[str, Any]) -> str:
    status, what = described["status"], f"{found.of} {found.name}"
    if status == "RUNNING":
        spans = state_spans(found.arn, found.of, history(account.states, found.arn))
        states = ", ".join(span.name for span in spans if span.end is None)
        return f"{what} has not ended; it is in {states or 'its first state'}. `ndr follow {found.name}` follows it."
    if status == "SUCCEEDED":
        return f"{what} succeeded. {_said(described.get('output'))}".rstrip()
    if status == "ABORTED":
        return f"{what} was stopped{_reason(described)}"
    return f"{what} ended as {status}{_reason(described)}"


def _reason(described: dict[str, Any]) -> str:
    given = [described.get("error"), " ".join(described.get("cause", "").split())]
    text = ": ".join(part for part in given if part)
    return f": {text}" if text else ", without a reason."


def _said(output: str | None) -> str:
    """Return the warning and the message in the output of an execution."""
    said = json.loads(output) if output else None
    if not isinstance(said, dict):
        return ""
    return ": ".join(str(said[name]) for name in ("warning", "message") if said.get(name))
