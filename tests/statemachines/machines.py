"""The deployed machines under test: starts executions, waits for them and reads what their histories say they did."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

from tests.statemachines.definition import all_states, edges

from ministack_sagemaker.lifecycle import Account

PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Edge:
    """A way from one state to another. `way` is `next`, `default`, `choice N` or `catch N`."""

    source: str
    way: str
    target: str


@dataclass(frozen=True)
class Run:
    """An execution, as a rule one that has ended."""

    arn: str
    status: str
    error: str | None
    cause: str | None
    output: Any
    history: list[dict[str, Any]]

    def entered(self) -> list[str]:
        """Names of the states entered, in order; those inside Maps interleave."""
        return [event["stateEnteredEventDetails"]["name"] for event in self.history if _is_entry(event)]

    def errors_in(self, state: str) -> list[str]:
        """Names of the errors that tasks of a state met, in order."""
        found, current = [], ""
        for event in self.history:
            if _is_entry(event):
                current = event["stateEnteredEventDetails"]["name"]
            if event["type"] == "TaskFailed" and current == state:
                found.append(event["taskFailedEventDetails"]["error"])
        return found


class Machines:
    """The deployed machines, by name: `run_pipeline`, `baselines`, `mini_batch`."""

    def __init__(self, account: Account, arns: dict[str, str]) -> None:
        self.account = account
        self.states = account.client("stepfunctions")
        self.arns = arns

    def definition(self, machine: str) -> dict[str, Any]:
        """The definition as deployed: every `${Name}` substituted."""
        return json.loads(self.states.describe_state_machine(stateMachineArn=self.arns[machine])["definition"])

    def copy(self, machine: str, found: str, replacement: str) -> str:
        """Create a machine whose definition differs in one word; return its ARN."""
        described = self.states.describe_state_machine(stateMachineArn=self.arns[machine])
        assert found in described["definition"]
        return self.states.create_state_machine(
            name=f"copy-{uuid.uuid4().hex[:12]}",
            definition=described["definition"].replace(found, replacement),
            roleArn=described["roleArn"],
        )["stateMachineArn"]

    def run(self, machine: str, request: Any) -> Run:
        """Run a machine, by name or ARN, to its end."""
        return self.ended(self.start(machine, request))

    def start(self, machine: str, request: Any) -> str:
        """Start an execution of a machine, by name or ARN; return its ARN."""
        started = self.states.start_execution(
            stateMachineArn=self.arns.get(machine, machine), input=json.dumps(request)
        )
        return str(started["executionArn"])

    def ended(self, arn: str) -> Run:
        """Wait for an execution's end."""
        patience = time.monotonic() + PATIENCE_SECONDS
        while self.states.describe_execution(executionArn=arn)["status"] == "RUNNING":
            assert time.monotonic() < patience, f"{arn} has not ended"
            time.sleep(0.05)
        return self.so_far(arn)

    def so_far(self, arn: str) -> Run:
        """What an execution is and has done by now."""
        described = self.states.describe_execution(executionArn=arn)
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=arn)
        return Run(
            arn,
            described["status"],
            described.get("error"),
            described.get("cause"),
            json.loads(described["output"]) if "output" in described else None,
            [event for page in pages for event in page["events"]],
        )


def every_edge(definition: dict[str, Any]) -> set[Edge]:
    """Every way on from every state of a definition."""
    return {Edge(name, way, target) for name, state in all_states(definition).items() for way, target in _ways(state)}


def edges_taken(definition: dict[str, Any], run: Run) -> set[Edge]:
    """The ways that an execution took, as its history tells."""
    states, top = all_states(definition), set(definition["States"])
    inside = set(states) - top
    entered = [name for name in run.entered() if name in top]
    taken = set()
    for source, target in itertools.pairwise(entered):
        ways = [way for way, end in _ways(states[source]) if end == target]
        taken.add(Edge(source, _way(ways, states[source], run.errors_in(source)), target))
    for target in set(run.entered()) & inside:
        # Iterations interleave, so a way inside a Map is told by its target, to which there must be one way only.
        ways_in = [edge for edge in every_edge(definition) if edge.target == target]
        assert len(ways_in) <= 1
        taken |= set(ways_in)
    return taken


def _ways(state: dict[str, Any]) -> list[tuple[str, str]]:
    named = [("next", state["Next"])] if "Next" in state else []
    named += [(f"choice {number}", rule["Next"]) for number, rule in enumerate(state.get("Choices", []))]
    named += [("default", state["Default"])] if "Default" in state else []
    named += [(f"catch {number}", catcher["Next"]) for number, catcher in enumerate(state.get("Catch", []))]
    assert [target for _, target in named] == [edge.target for edge in edges(state)]
    return named


def _way(ways: list[str], state: dict[str, Any], errors: list[str]) -> str:
    """The one of several ways to the same target that was taken: the error tells one catcher from another."""
    if len(ways) == 1:
        return ways[0]
    for number, catcher in enumerate(state.get("Catch", [])):
        if errors and ({errors[-1], "States.ALL"} & set(catcher["ErrorEquals"])):
            return f"catch {number}"
    return ways[0]


def _is_entry(event: dict[str, Any]) -> bool:
    return event["type"].endswith("StateEntered")
