"""Follow a state machine's execution to its end, with its nested executions and pipelines."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ndr.local.console.progress import Progress
from ndr.report.spans import Span, pipeline_executions, pipeline_span, state_spans, step_spans

_POLL_SECONDS: Final = 1.0
_NESTED: Final = "run_pipeline"
_STARTED_BY: Final = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"


@dataclass(frozen=True)
class FollowedExecution:
    """The result of an execution, and its spans in order of start."""

    arn: str
    status: str
    output: Any
    error: str | None
    cause: str | None
    start: datetime
    spans: tuple[Span, ...]

    def document(self) -> dict[str, Any]:
        """Return the execution for a JSON document."""
        spans = [{name: getattr(span, name) for name in Span.__slots__} for span in self.spans]
        return {
            **{"execution": self.arn, "status": self.status, "error": self.error, "cause": self.cause},
            **{"started": self.start, "output": self.output, "timeline": spans},
        }


@dataclass
class Follower:
    """Follows one execution.

    Parameters
    ----------
    states, sagemaker : boto3 clients
    machines : mapping of str to str
        ARN of each machine by name. The followed execution starts executions of `run_pipeline`.
    progress : Progress
        Receives a line at the start of each state, pipeline and step, and at the end of each pipeline and step.
    """

    states: Any
    sagemaker: Any
    machines: Mapping[str, str]
    progress: Progress
    _requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _ended: set[tuple[str, str]] = field(default_factory=set)
    _going_on: set[str] = field(default_factory=set)

    def follow(self, arn: str) -> FollowedExecution:
        """Print the events of an execution until it has ended."""
        self._begin(self._machine(arn))
        try:
            while True:
                described = self.states.describe_execution(executionArn=arn)
                spans = self._spans(arn)
                self._tell(spans)
                if described["status"] != "RUNNING":
                    break
                time.sleep(_POLL_SECONDS)
        finally:
            for what in list(self._going_on):
                self._end(what)
        output = json.loads(described["output"]) if described["status"] == "SUCCEEDED" else None
        return FollowedExecution(
            arn, described["status"], output, described.get("error"), described.get("cause"), described["startDate"],
            tuple(spans),
        )  # fmt: skip

    def follow_pipeline(self, arn: str) -> FollowedExecution:
        """Print the events of a pipeline execution until it has ended."""
        label = ""
        try:
            while True:
                described = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
                spans = self._pipeline(arn)
                self._tell(spans)
                label = f"{spans[0].kind} {spans[0].name}"
                if spans[0].end:
                    break
                time.sleep(_POLL_SECONDS)
        finally:
            for what in list(self._going_on):
                self._end(what)
        status = "SUCCEEDED" if spans[0].status == "Succeeded" else spans[0].status
        cause = described.get("FailureReason") or f"{label} ended as {spans[0].status}"
        return FollowedExecution(arn, status, None, None, cause, spans[0].start, tuple(spans))

    def _spans(self, arn: str) -> list[Span]:
        machine = self._machine(arn)
        followed = {arn: machine} if machine == _NESTED else {arn: machine, **dict.fromkeys(self._nested(arn), _NESTED)}
        spans: list[Span] = []
        for execution, of in followed.items():
            events = self._history(execution)
            spans += state_spans(execution, of, events)
            for pipeline_execution in pipeline_executions(events) if of == _NESTED else ():
                spans += self._pipeline(pipeline_execution)
        return sorted(spans, key=lambda span: span.start)

    def _machine(self, arn: str) -> str:
        prefix = arn.rpartition(":")[0].replace(":execution:", ":stateMachine:")
        return next((name for name, machine in self.machines.items() if machine == prefix), prefix)

    def _history(self, arn: str) -> list[dict[str, Any]]:
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=arn)
        return [event for page in pages for event in page["events"]]

    def _nested(self, arn: str) -> list[str]:
        """Return the run_pipeline executions that `arn` started, oldest first."""
        pages = self.states.get_paginator("list_executions").paginate(stateMachineArn=self.machines[_NESTED])
        listed = [execution for page in pages for execution in page["executions"]]
        nested = [execution for execution in listed if self._request(execution["executionArn"]).get(_STARTED_BY) == arn]
        return [execution["executionArn"] for execution in sorted(nested, key=lambda found: found["startDate"])]

    def _request(self, arn: str) -> dict[str, Any]:
        if arn not in self._requests:
            self._requests[arn] = json.loads(self.states.describe_execution(executionArn=arn)["input"])
        return self._requests[arn]

    def _pipeline(self, arn: str) -> list[Span]:
        pipeline = pipeline_span(self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))
        pages = self.sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=arn)
        steps = [step for page in pages for step in page["PipelineExecutionSteps"]]
        return [pipeline, *step_spans(pipeline, steps)]

    def _tell(self, spans: list[Span]) -> None:
        for span in spans:
            key, label = (span.execution, span.name), f"{span.kind} {span.name}"
            if key not in self._seen:
                self._seen.add(key)
                if span.within != _NESTED or self.progress.console.is_terminal:  # each pipeline passes the same states
                    self.progress.line(_began(span))
                if span.kind != "state":
                    self._begin(label)
            if span.kind != "state" and span.end and key not in self._ended:
                self._ended.add(key)
                self._end(label)
                style = "green" if span.status == "Succeeded" else "red"
                self.progress.line(f"{_indent(span)}{label}: {span.status}, {span.seconds:.1f} s", style)

    def _begin(self, what: str) -> None:
        self._going_on.add(what)
        self.progress.begin(what)

    def _end(self, what: str) -> None:
        self._going_on.discard(what)
        self.progress.end(what)


def _indent(span: Span) -> str:
    depth = {"state": int(span.within == _NESTED), "pipeline": 2, "step": 3}[span.kind]
    return "  " * depth


def _began(span: Span) -> str:
    return (
        f"{_indent(span)}{span.within} > {span.name}"
        if span.kind == "state"
        else f"{_indent(span)}{span.kind} {span.name} began"
    )
