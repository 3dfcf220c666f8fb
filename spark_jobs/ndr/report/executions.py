"""The last executions of the machines: what ran when, how often it was polled and retried, and why it failed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.report.spans import Span, pipeline_executions, pipeline_span, state_spans, step_spans

NESTED: Final = "run_pipeline"
"""The machine that the others start; its executions are told with the one that started them."""
STARTED_BY: Final = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"
POLL: Final = "DescribePipelineExecution"
MOST: Final = 100
"""How many executions are read, the newest of all machines together; an execution takes about five requests."""
_FAILED_ATTEMPTS: Final = ("TaskFailed", "TaskTimedOut", "LambdaFunctionFailed", "LambdaFunctionTimedOut",
                           "TaskSubmitFailed", "TaskStartFailed")  # fmt: skip
_BAD: Final = ("FAILED", "TIMED_OUT", "ABORTED")


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution of `mini_batch` or `baselines` with those that it started.

    Attributes
    ----------
    request : str
        Its input as JSON, at most 300 characters.
    polls : int
        How often the status of a pipeline was asked.
    retries : int
        Attempts of tasks that failed and were made again.
    failure : str or None
        The sentence of its failure.
    spans : tuple of Span
        Its states, then of each execution of `run_pipeline` that it started the states, the pipeline and its steps.
    """

    machine: str
    name: str
    arn: str
    status: str
    start: datetime
    stop: datetime | None
    request: str
    polls: int
    retries: int
    failure: str | None
    spans: tuple[Span, ...]

    @property
    def has_failed(self) -> bool:
        return self.status in _BAD


def last_executions(states: Any, sagemaker: Any, machines: Mapping[str, str], most: int = MOST) -> list[Execution]:
    """Read the newest executions of the machines, the newest first.

    Parameters
    ----------
    states, sagemaker : boto3 clients
    machines : mapping of str to str
        ARN of each machine by name; `run_pipeline` is the one that the others start.
    """
    outer = {name: arn for name, arn in machines.items() if name != NESTED}
    listed = [(name, each) for name, arn in outer.items() for each in _listed(states, arn, most)]
    newest = sorted(listed, key=lambda each: each[1]["startDate"], reverse=True)[:most]
    nested = _nested(states, machines[NESTED], 3 * most) if newest else {}
    return [_execution(states, sagemaker, name, each, nested.get(each["executionArn"], [])) for name, each in newest]


def failure_sentence(error: str | None, cause: str | None) -> str | None:
    """Return why an execution failed. The cause of a nested execution is a document, which has the sentence inside."""
    said = cause or ""
    for _ in range(5):
        try:
            inner = json.loads(said)
        except ValueError:
            break
        if not isinstance(inner, dict):
            break
        found = inner.get("Cause") or inner.get("errorMessage") or inner.get("message")
        if not isinstance(found, str):
            break
        said = found
    if not error and not said:
        return None
    return f"{error}: {said}" if error and said and error not in said else said or error


def _listed(states: Any, arn: str, most: int) -> list[dict[str, Any]]:
    pages = states.get_paginator("list_executions").paginate(
        stateMachineArn=arn, PaginationConfig={"MaxItems": most, "PageSize": min(most, 1000)}
    )
    return [execution for page in pages for execution in page["executions"]]


def _nested(states: Any, arn: str, most: int) -> dict[str, list[str]]:
    """Return the newest executions of `run_pipeline`, oldest first, by the execution that started them."""
    found: dict[str, list[str]] = {}
    for each in sorted(_listed(states, arn, most), key=lambda listed: listed["startDate"]):
        described = states.describe_execution(executionArn=each["executionArn"])
        parent = json.loads(described.get("input") or "{}").get(STARTED_BY)
        if isinstance(parent, str):
            found.setdefault(parent, []).append(each["executionArn"])
    return found


def _execution(
    states: Any, sagemaker: Any, machine: str, listed: Mapping[str, Any], nested: Iterable[str]
) -> Execution:
    arn = listed["executionArn"]
    described = states.describe_execution(executionArn=arn)
    events = list(_history(states, arn))
    spans, retries = state_spans(arn, machine, events), retried(events)
    for inner in nested:
        inner_events = list(_history(states, inner))
        spans += state_spans(inner, NESTED, inner_events)
        retries += retried(inner_events)
        spans += [span for pipeline in pipeline_executions(inner_events) for span in _pipeline(sagemaker, pipeline)]
    failed = described["status"] in _BAD
    return Execution(
        machine=machine,
        name=listed["name"],
        arn=arn,
        status=described["status"],
        start=described["startDate"],
        stop=described.get("stopDate"),
        request=described.get("input", "")[:300],
        polls=sum(span.count for span in spans if span.within == NESTED and span.name == POLL),
        retries=retries,
        failure=failure_sentence(described.get("error"), described.get("cause")) if failed else None,
        spans=tuple(spans),
    )


def retried(events: Iterable[Mapping[str, Any]]) -> int:
    """Count the attempts of a history that failed and were followed by another attempt of the same state.

    A failed attempt without a retry is followed by the state's exit, by its Catch, or by the end of the execution.
    """
    given = {event["id"]: event for event in events}
    followed: dict[int, list[str]] = {}
    for event in given.values():
        followed.setdefault(event.get("previousEventId", 0), []).append(event["type"])
    failed = [number for number, event in given.items() if event["type"] in _FAILED_ATTEMPTS]
    return sum(any(kind.endswith("Scheduled") for kind in followed.get(number, ())) for number in failed)


def _history(states: Any, arn: str) -> Iterator[dict[str, Any]]:
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn, includeExecutionData=True)
    for page in pages:
        yield from page["events"]


def _pipeline(sagemaker: Any, arn: str) -> list[Span]:
    """Return the spans of a pipeline execution and its steps; none where SageMaker no longer has it."""
    try:
        pipeline = pipeline_span(sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))
        pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=arn)
        steps = [step for page in pages for step in page["PipelineExecutionSteps"]]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        return []
    return [pipeline, *step_spans(pipeline, steps)]
