"""What is read of executions: retries of a history, and the sentence of a failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ndr.report.executions import failure_sentence, retried


def history(*kinds: str) -> list[dict[str, Any]]:
    return [{"id": place, "previousEventId": place - 1, "type": kind} for place, kind in enumerate(kinds, 1)]


def test_attempt_that_is_made_again_is_a_retry() -> None:
    events = history(
        "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed",
        "TaskScheduled", "TaskStarted", "TaskTimedOut",
        "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited",
    )  # fmt: skip
    assert retried(events) == 2


def test_attempt_that_is_caught_is_not_a_retry() -> None:
    assert (
        retried(history("TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionFailed", "TaskStateExited")) == 0
    )
    assert retried(history("TaskStateEntered", "TaskScheduled", "TaskFailed", "ExecutionFailed")) == 0


@pytest.mark.parametrize(
    ("error", "cause", "sentence"),
    [
        ("PipelineFailedError", "The step failed.", "PipelineFailedError: The step failed."),
        ("States.TaskFailed", json.dumps({"Error": "E", "Cause": "It failed."}), "States.TaskFailed: It failed."),
        ("InvalidRequestError", json.dumps({"errorMessage": "No end."}), "InvalidRequestError: No end."),
        ("E", json.dumps({"Cause": json.dumps({"Cause": "Deep."})}), "E: Deep."),
        ("E", '{"Cause": "cut off', 'E: {"Cause": "cut off'),
        ("E", json.dumps({"Other": 1}), 'E: {"Other": 1}'),
        ("States.Timeout", None, "States.Timeout"),
        (None, None, None),
    ],
)  # fmt: skip
def test_failure_has_the_innermost_sentence(error: str | None, cause: str | None, sentence: str | None) -> None:
    assert failure_sentence(error, cause) == sentence
