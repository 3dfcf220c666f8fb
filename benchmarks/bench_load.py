"""The cost of a large backfill in Step Functions: state transitions, Lambda calls and history events.

WINDOWS (1,000) chunks are planned and run through the Map of `baselines` in the embedded account, with a pipeline that
does nothing. The history of each chunk gives its cost as a constant and a cost for each poll. From these the cost is
computed for a pipeline of MINUTES (30), with the number of polls that follows from the template's waits. The
alternative is the usual loop of four states, which waits 30 s in each round. It runs against the same pipeline for a
few chunks and is counted in the same way. Prints one JSON line for each, and the ratio last. The exit status is 1 when
the ratio is above a third.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from tests.faults.machines import Control
from tests.faults.published import Verdict
from tests.statemachines.machines import Machines, Run

from ministack_sagemaker.lifecycle import down, up

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
WINDOWS = int(os.environ.get("WINDOWS", "1000"))
MINUTES = float(os.environ.get("MINUTES", "30"))
RIVAL_SECONDS = 30
RIVAL_WINDOWS = 5
LIMIT = 1 / 3


class Cost(NamedTuple):
    """Of one execution."""

    transitions: int
    lambda_calls: int
    events: int


def cost_of(run: Run) -> Cost:
    """Count what an execution's history tells: every state entered is a transition."""
    calls = [event for event in run.history if event["type"] == "TaskScheduled"]
    lambdas = [event for event in calls if event["taskScheduledEventDetails"]["resourceType"] == "lambda"]
    return Cost(len(run.entered()), len(lambdas), len(run.history))


def polls(seconds: float, first: float, longest: float, growth: float = 1.25) -> int:
    """Return the number of polls of `run_pipeline` for a pipeline of `seconds`."""
    waited, wait = 0.0, first
    poll = 1
    while waited < seconds:
        waited, wait, poll = waited + wait, min(ceil(wait * growth), longest), poll + 1
    return poll


def rival(arn: str) -> dict[str, Any]:
    """Return the definition of the usual loop: start, then wait, describe, count, decide."""
    sagemaker = "arn:aws:states:::aws-sdk:sagemaker:"
    execution = {"PipelineExecutionArn": "{% $execution %}"}
    over = "{% $status in ['Succeeded', 'Failed', 'Stopped'] %}"
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Start",
        "States": {
            "Start": {
                "Type": "Task",
                "Resource": f"{sagemaker}startPipelineExecution",
                "Arguments": {
                    "PipelineName": arn,
                    "ClientRequestToken": "{% $hash($states.context.Execution.Id, 'SHA-256') %}",
                },
                "Assign": {"execution": "{% $states.result.PipelineExecutionArn %}", "round": 0},
                "Next": "Wait",
            },
            "Wait": {"Type": "Wait", "Seconds": RIVAL_SECONDS, "Next": "Describe"},
            "Describe": {
                "Type": "Task",
                "Resource": f"{sagemaker}describePipelineExecution",
                "Arguments": execution,
                "Assign": {"status": "{% $states.result.PipelineExecutionStatus %}"},
                "Next": "Count",
            },
            "Count": {"Type": "Pass", "Assign": {"round": "{% $round + 1 %}"}, "Next": "CheckStatus"},
            "CheckStatus": {"Type": "Choice", "Choices": [{"Condition": over, "Next": "Done"}], "Default": "Wait"},
            "Done": {"Type": "Pass", "End": True},
        },
    }


def per_poll(runs: list[tuple[int, Cost]], base: int, each: int) -> float:
    """Check that the transitions of each execution are `base + each x polls`; return the events of one poll."""
    for number, cost in runs:
        if cost.transitions != base + each * number:
            raise AssertionError(f"{cost} at {number} polls is not {base} + {each} transitions a poll")
    by_polls = dict(runs)
    fewest, most = min(by_polls), max(by_polls)
    if fewest == most:
        raise AssertionError("all executions have the same number of polls, so the events of one poll are unknown")
    return (by_polls[most].events - by_polls[fewest].events) / (most - fewest)


def at(number: int, runs: list[tuple[int, Cost]], base: int, each: int) -> Cost:
    """Return the cost of an execution with a number of polls."""
    events = per_poll(runs, base, each)
    known, cost = runs[0]
    return Cost(base + each * number, cost.lambda_calls, round(cost.events + events * (number - known)))


def history(machines: Machines, arn: str) -> Run:
    pages = machines.states.get_paginator("get_execution_history").paginate(executionArn=arn)
    return Run(arn, "", None, None, None, [event for page in pages for event in page["events"]])


def backfill(control: Control) -> tuple[Cost, list[tuple[int, Cost]]]:
    """Run the chunks; return the cost of the Map's own execution, and the polls and cost of each chunk."""
    end = datetime.now(UTC).date()
    request = {"mode": "BACKFILL", "horizon": "7d", "window_days": 1, "max_concurrency": 40, "reprocess": "completed"}
    dates = {"start": str(end - timedelta(days=WINDOWS)), "end": str(end)}
    states, machine = control.machines.states, control.machines.arns["baselines"]
    arn = states.start_execution(stateMachineArn=machine, input=json.dumps({**request, **dates}))["executionArn"]
    while (described := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(1)
    if described["status"] != "SUCCEEDED":
        sys.exit(f"The backfill ended {described['status']}: {described.get('cause')}")
    pages = control.machines.states.get_paginator("list_executions")
    listed = [
        item["executionArn"]
        for page in pages.paginate(stateMachineArn=control.machines.arns["run_pipeline"])
        for item in page["executions"]
    ]
    windows = []
    for each in listed:
        nested = history(control.machines, each)
        windows.append((nested.entered().count("DescribePipelineExecution"), cost_of(nested)))
    if len(windows) != WINDOWS:
        sys.exit(f"{len(windows)} windows were run of {WINDOWS}")
    return cost_of(history(control.machines, arn)), windows


def rivals(control: Control) -> list[tuple[int, Cost]]:
    states = control.machines.states
    role = states.describe_state_machine(stateMachineArn=control.machines.arns["run_pipeline"])["roleArn"]
    arn = states.create_state_machine(name="rival", definition=json.dumps(rival("ndr-steerable")), roleArn=role)
    runs = [control.machines.run(arn["stateMachineArn"], {}) for _ in range(RIVAL_WINDOWS)]
    return [(run.entered().count("Describe"), cost_of(run)) for run in runs]


def main() -> int:
    """Run, print, and say by the exit status whether ours costs at most a third."""
    with tempfile.TemporaryDirectory() as temporary:
        account = up(Path(temporary), wait_scale=0.01, auth=False, end_with_parent=True)
        try:
            control = Control.deployed(account, Verdict())
            outer, windows = backfill(control)
            usual = rivals(control)
        finally:
            down(Path(temporary))
    parameters = yaml.load(TEMPLATE.read_text(), Loader=yaml.BaseLoader)["Parameters"]
    waits = [float(parameters[name]["Default"]) for name in ("PollSeconds", "MaxPollSeconds")]
    seconds = MINUTES * 60
    # Before the polls three states, of which the last poll needs no wait; after them the events are looked for.
    own = at(polls(seconds, *waits), windows, 5, 3)
    other_polls = ceil(seconds / RIVAL_SECONDS)
    other = Cost(2 + 4 * other_polls, 0, 0)
    if any(cost.transitions != 2 + 4 * number for number, cost in usual):
        sys.exit(f"the rival's transitions are not 2 + 4 a round: {usual}")
    facts = {"bench": "load", "windows": WINDOWS, "pipeline_minutes": MINUTES}
    total = Cost(*(a + WINDOWS * b for a, b in zip(outer, own, strict=True)))
    print(json.dumps({**facts, "engine": "baselines and run_pipeline", **total._asdict(), "outer": outer._asdict()}))
    rival_total = outer.transitions + WINDOWS * other.transitions
    print(json.dumps({**facts, "engine": "four states at 30 s", "transitions": rival_total}))
    ratio = total.transitions / rival_total
    print(json.dumps({**facts, "transitions_ours_to_rival": round(ratio, 3), "limit": round(LIMIT, 3)}))
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
