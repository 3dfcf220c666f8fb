"""Spans of states, pipelines and steps, computed from execution histories without calls to AWS."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Span:
    """A state, a pipeline or a step, from its start to its end (None while it runs).

    `count` is the number of times a state was entered, and `seconds` the sum of their durations. `within` is the name
    of its machine or pipeline, `execution` the ARN of that machine's or pipeline's execution.
    """

    kind: Literal["state", "pipeline", "step"]
    execution: str
    within: str
    name: str
    start: datetime
    end: datetime | None
    status: str
    seconds: float
    count: int = 1


def state_spans(execution: str, machine: str, events: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Return the spans of an execution's states from its history, one a state, in order of first entry.

    Parameters
    ----------
    execution : str
        Its ARN.
    machine : str
        Name of its machine.
    events : iterable of dict
        As GetExecutionHistory returns them, oldest first.
    """
    spans: dict[str, Span] = {}
    entered: dict[str, list[datetime]] = {}
    for event in events:
        at, kind = event["timestamp"], event["type"]
        if kind.endswith("StateEntered"):
            name = event["stateEnteredEventDetails"]["name"]
            entered.setdefault(name, []).append(at)
            before = spans.get(name)
            spans[name] = (
                replace(before, end=None, status="RUNNING", count=before.count + 1)
                if before
                else Span("state", execution, machine, name, at, None, "RUNNING", 0.0)
            )
        elif kind.endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            spans[name] = _closed(spans[name], entered[name].pop(0), at, "SUCCEEDED", still_open=bool(entered[name]))
        elif kind in ("ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"):
            for name, starts in entered.items():
                for start in starts:
                    spans[name] = _closed(spans[name], start, at, "FAILED", still_open=False)
    return list(spans.values())


def _closed(span: Span, start: datetime, end: datetime, status: str, *, still_open: bool) -> Span:
    seconds = span.seconds + (end - start).total_seconds()
    if still_open:  # another branch of a Map is in the same state
        return replace(span, seconds=seconds)
    return replace(span, end=end, status=status, seconds=seconds)


def pipeline_executions(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the distinct ARNs of the pipeline executions that the tasks of a history started or followed, in order."""
    found: dict[str, None] = {}
    for event in events:
        output = event.get("taskSucceededEventDetails", {}).get("output", "")
        if '"PipelineExecutionArn"' in output:
            found[str(json.loads(output)["PipelineExecutionArn"])] = None
    return list(found)


def pipeline_span(execution: Mapping[str, Any]) -> Span:
    """Return a pipeline's span from DescribePipelineExecution."""
    name = execution["PipelineArn"].rpartition("/")[2]
    status = execution["PipelineExecutionStatus"]
    ended = status in ("Succeeded", "Failed", "Stopped", "CompletedWithFailures")
    start, end = execution["CreationTime"], execution.get("LastModifiedTime") if ended else None
    return Span("pipeline", execution["PipelineExecutionArn"], name, name, start, end, status, _seconds(start, end))


def step_spans(pipeline: Span, steps: Iterable[Mapping[str, Any]]) -> list[Span]:
    """Return the spans of the started steps from ListPipelineExecutionSteps, in order of start."""
    spans = [_step_span(pipeline, step) for step in steps if step.get("StartTime")]
    return sorted(spans, key=lambda span: span.start)


def _step_span(pipeline: Span, step: Mapping[str, Any]) -> Span:
    start, end = step["StartTime"], step.get("EndTime")
    seconds = _seconds(start, end)
    return Span("step", pipeline.execution, pipeline.name, step["StepName"], start, end, step["StepStatus"], seconds)


def _seconds(start: datetime, end: datetime | None) -> float:
    return (end - start).total_seconds() if end else 0.0
