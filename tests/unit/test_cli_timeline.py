"""Timelines read from execution histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.report.spans import pipeline_executions, pipeline_span, state_spans, step_spans

T0 = datetime(2026, 2, 1, tzinfo=UTC)
ARN = "arn:aws:states:us-east-1:123456789012:execution:m:e"
PIPELINE = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/ndr-15m-pipeline/execution/abc"


def entered(name: str, seconds: float, kind: str = "Task") -> dict[str, Any]:
    at = T0 + timedelta(seconds=seconds)
    return {"type": f"{kind}StateEntered", "timestamp": at, "stateEnteredEventDetails": {"name": name}}


def exited(name: str, seconds: float, kind: str = "Task") -> dict[str, Any]:
    at = T0 + timedelta(seconds=seconds)
    return {"type": f"{kind}StateExited", "timestamp": at, "stateExitedEventDetails": {"name": name}}


def test_states_come_in_order_of_entry_with_their_seconds() -> None:
    spans = state_spans(ARN, "m", [entered("Plan", 0), exited("Plan", 2.5), entered("Done", 3, "Pass")])
    assert [(span.name, span.status, span.seconds, span.count) for span in spans] == [
        ("Plan", "SUCCEEDED", 2.5, 1),
        ("Done", "RUNNING", 0.0, 1),
    ]
    assert (spans[0].start, spans[0].end, spans[1].end) == (T0, T0 + timedelta(seconds=2.5), None)


def test_state_entered_again_is_one_span_that_sums_its_stays() -> None:
    events = [entered("Wait", 0), exited("Wait", 1), entered("Poll", 1), exited("Poll", 2), entered("Wait", 2),
              exited("Wait", 5)]  # fmt: skip
    wait, poll = state_spans(ARN, "m", events)
    assert (wait.name, wait.count, wait.seconds, wait.end) == ("Wait", 2, 4.0, T0 + timedelta(seconds=5))
    assert (poll.count, poll.seconds) == (1, 1.0)


def test_state_that_two_branches_are_in_runs_until_both_have_left() -> None:
    events = [entered("Build", 0), entered("Build", 1), exited("Build", 4)]
    (span,) = state_spans(ARN, "m", events)
    assert (span.status, span.end, span.seconds, span.count) == ("RUNNING", None, 4.0, 2)
    (span,) = state_spans(ARN, "m", [*events, exited("Build", 6)])
    assert (span.status, span.seconds) == ("SUCCEEDED", 9.0)


@pytest.mark.parametrize("end", ["ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"])
def test_open_state_fails_with_its_execution(end: str) -> None:
    events = [entered("Plan", 0), {"type": end, "timestamp": T0 + timedelta(seconds=7)}]
    (span,) = state_spans(ARN, "m", events)
    assert (span.status, span.seconds, span.end) == ("FAILED", 7.0, T0 + timedelta(seconds=7))


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 100)), max_size=30))
def test_seconds_of_a_sequential_run_add_up(stays: list[tuple[str, int]]) -> None:
    events, now = [], 0
    for name, length in stays:
        events += [entered(name, now), exited(name, now + length)]
        now += length
    spans = state_spans(ARN, "m", events)
    assert sum(span.seconds for span in spans) == now
    assert sum(span.count for span in spans) == len(stays)
    assert [span.name for span in spans] == list(dict.fromkeys(name for name, _ in stays))


def test_pipelines_are_those_that_a_task_started_or_followed() -> None:
    started = {
        "type": "TaskSucceeded",
        "taskSucceededEventDetails": {"output": f'{{"PipelineExecutionArn": "{PIPELINE}"}}'},
    }
    described = {
        "type": "TaskSucceeded",
        "taskSucceededEventDetails": {
            "output": '{"PipelineExecutionArn": "followed", "PipelineExecutionStatus": "Executing"}'
        },
    }
    assert pipeline_executions([entered("Start", 0), started, described, started]) == [PIPELINE, "followed"]


def test_pipeline_and_steps() -> None:
    end = T0 + timedelta(seconds=9)
    execution = {
        "PipelineArn": PIPELINE.rpartition("/execution")[0],
        "PipelineExecutionArn": PIPELINE,
        "PipelineExecutionStatus": "Executing",
        "CreationTime": T0,
        "LastModifiedTime": end,
    }
    running = pipeline_span(execution)
    assert (running.name, running.end, running.status) == ("ndr-15m-pipeline", None, "Executing")
    ended = pipeline_span({**execution, "PipelineExecutionStatus": "Succeeded"})
    assert (ended.end, ended.seconds) == (end, 9.0)
    steps = [
        {"StepName": "Second", "StepStatus": "Executing", "StartTime": T0 + timedelta(seconds=4)},
        {"StepName": "First", "StepStatus": "Succeeded", "StartTime": T0, "EndTime": T0 + timedelta(seconds=4)},
        {"StepName": "Third", "StepStatus": "Starting"},
    ]
    spans = step_spans(ended, steps)
    assert [(span.name, span.seconds, span.end is None) for span in spans] == [
        ("First", 4.0, False),
        ("Second", 0.0, True),
    ]
    assert {span.execution for span in spans} == {PIPELINE}
