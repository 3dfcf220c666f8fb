"""What an execution of the account met, from its history, so that another implementation can execute the same.

An iteration of a Map has a path: `/BuildBaselines#0/2` is the third iteration of the first visit of BuildBaselines. The
path of the machine itself is empty.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ministack_sagemaker.lifecycle import Account

PAST_DEADLINE_MS: Final = 3_600_000
"""Added to the clock of a visit that found the deadline passed: the event's time is a moment before the evaluation."""


@dataclass(frozen=True)
class Recorded:
    """An execution that has ended.

    Attributes
    ----------
    case
        What `local_stepfunctions.mjs` takes: definition, input, context, responses and times.
    status, output, error, cause
        How it ended.
    visits
        States by path, in the order in which they were entered.
    calls
        Arguments of the tasks' attempts, by path and state.
    """

    case: dict[str, Any]
    status: str
    output: Any
    error: str | None
    cause: str | None
    visits: dict[str, list[str]]
    calls: dict[str, list[Any]]


def recorded(account: Account, arn: str) -> Recorded:
    """Return what an execution met and did."""
    states = account.client("stepfunctions")
    execution = states.describe_execution(executionArn=arn)
    machine = states.describe_state_machine_for_execution(executionArn=arn)
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    met = _Met([event for page in pages for event in page["events"]])
    context = {
        "Execution": {
            "Id": arn,
            "Input": json.loads(execution["input"]),
            "Name": execution["name"],
            "StartTime": _text(execution["startDate"]),
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": machine["stateMachineArn"], "Name": machine["name"]},
    }
    return Recorded(
        {
            "definition": json.loads(machine["definition"]),
            "input": json.loads(execution["input"]),
            "context": context,
            "responses": dict(met.responses),
            "times": dict(met.times),
        },
        execution["status"],
        json.loads(execution["output"]) if execution["status"] == "SUCCEEDED" else None,
        execution.get("error"),
        execution.get("cause"),
        dict(met.visits),
        dict(met.calls),
    )


class _Met:
    """Walks a history, and keeps what belongs to each path."""

    def __init__(self, history: list[dict[str, Any]]) -> None:
        self.visits: dict[str, list[str]] = defaultdict(list)
        self.times: dict[str, list[int]] = defaultdict(list)
        self.calls: dict[str, list[Any]] = defaultdict(list)
        self.responses: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._paths = {0: ""}
        self._types = {event["id"]: event["type"] for event in history}
        for event in sorted(history, key=lambda each: int(each["id"])):
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        path = self._paths[event.get("previousEventId", 0)]
        if event["type"] == "MapIterationStarted":
            details = event["mapIterationStartedEventDetails"]
            path = f"{path}/{details['name']}#{self.visits[path].count(details['name']) - 1}/{details['index']}"
        self._paths[event["id"]] = path
        if event["type"].endswith("StateEntered"):
            self._enter(path, event)
        elif event["type"] == "PassStateExited":
            # A Pass starts the clock: no later visit may find more time gone than it did in the account.
            self.times[path][-1] = _milliseconds(event)
        elif event["type"] == "TaskScheduled":
            self.calls[self._task(path)].append(json.loads(event["taskScheduledEventDetails"]["parameters"]))
        elif event["type"] == "TaskSucceeded":
            result = json.loads(event["taskSucceededEventDetails"]["output"])
            self.responses[self._task(path)].append({"result": result})
        elif event["type"] == "TaskFailed" and self._types[event["previousEventId"]] in (
            "TaskStarted",
            "TaskSubmitted",
        ):
            details = event["taskFailedEventDetails"]
            answer = {"error": details["error"], "cause": details.get("cause", "")}
            self.responses[self._task(path)].append(answer)

    def _enter(self, path: str, event: dict[str, Any]) -> None:
        name = event["stateEnteredEventDetails"]["name"]
        if name == "StopPipelineExecution":
            self.times[path][-1] += PAST_DEADLINE_MS
        self.visits[path].append(name)
        self.times[path].append(_milliseconds(event))

    def _task(self, path: str) -> str:
        return f"{path} {self.visits[path][-1]}"


def _milliseconds(event: dict[str, Any]) -> int:
    return round(event["timestamp"].timestamp() * 1000)


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
