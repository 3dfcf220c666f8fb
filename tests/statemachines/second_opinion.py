"""A second opinion on the machines: what the account executed, again in `aws-local-stepfunctions`.

Tasks get the responses that they got in the account. The order of states, the arguments of tasks, status, output, error
and cause must be the same. The tool has no JSONata: `local_stepfunctions.mjs` has the reference implementation evaluate
it, in the version that Step Functions has. `DIFFERENCES` has what else is not compared.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.statemachines.definition import all_states
from tests.statemachines.recorded import Recorded
from tests.template import ROOT

TOOL: Final = ROOT / ".tools" / "local-stepfunctions"
RUNNER: Final = Path(__file__).parent / "local_stepfunctions.mjs"
DIFFERENCES: Final = {
    "JSONata": "the tool has JSONPath alone; a Task before each state evaluates the state's expressions",
    "Promise.withResolvers": "the tool asks for Node.js 22; an older one gets the function",
    "a Map goes on": "the tool begins iterations of a Map after one has failed; the account and AWS do not",
    "causes of expressions": "the two implementations of JSONata word an error differently, and share its last words",
    "seconds, :now": "the clock of a visit is the time of its event, a moment before its expressions are evaluated",
    "task_token": "each implementation makes its own tokens",
    "aborted executions": "their last task has no response",
}
"""What the tool lacks or does otherwise, and what is not compared for it."""


def executed(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Execute cases in the tool, in one process."""
    node = shutil.which("node")
    if node is None or not (TOOL / "node_modules").is_dir():
        pytest.skip("aws-local-stepfunctions needs npm, and is not there; with npm, make test installs it")
    ran = subprocess.run(
        [node, str(RUNNER), str(TOOL)], input=json.dumps(cases), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return list(json.loads(ran.stdout))


def with_failures(runs: Iterable[Recorded]) -> Iterator[tuple[str, str, Recorded]]:
    """Yield state, error and an execution whose first task of the state meets it, for each error of each Retry."""
    seen: set[tuple[str, str]] = set()
    for run in runs:
        for state, definition in all_states(run.case["definition"]).items():
            key = next((key for key in run.case["responses"] if key.rpartition(" ")[2] == state), None)
            for error in retried_errors(definition):
                if key is not None and (state, error) not in seen:
                    seen.add((state, error))
                    changed = copy.deepcopy(run)
                    changed.case["responses"][key].insert(0, {"error": error, "cause": "It passes."})
                    yield state, error, changed


def retried_errors(state: dict[str, Any]) -> list[str]:
    """Return the errors that a state's Retry names."""
    return [error for clause in state.get("Retry", []) for error in clause["ErrorEquals"]]


def differences(run: Recorded, result: dict[str, Any]) -> Iterator[str]:
    """Yield what an execution in the tool did otherwise than in the account."""
    for path in {*run.visits, *result["visits"]}:
        here, there = run.visits.get(path, []), result["visits"].get(path, [])
        if here != there and not (path and not here):  # an iteration after a failed one
            yield f"states{path}: {here} here, {there} there"
    for task, calls in run.calls.items():
        given = result["calls"].get(task, [])
        if comparable(calls) != comparable(given):
            yield f"calls of {task}: {calls} here, {given} there"
    for name in ("status", "error"):
        if getattr(run, name) != result.get(name):
            yield f"{name}: {getattr(run, name)} here, {result.get(name)} ({result.get('cause')}) there"
    last = -40 if run.error == "States.QueryEvaluationError" else 0
    if (run.cause or "")[last:] != (result.get("cause") or "")[last:]:
        yield f"cause: {run.cause} here, {result.get('cause')} there"
    if comparable(run.output) != comparable(result.get("output")):
        yield f"output: {run.output} here, {result.get('output')} there"


def comparable(value: Any) -> str:
    """Return a value as text, without what it has from the clock of a visit, and without tokens."""
    text = json.dumps(value, sort_keys=True)
    return re.sub(r'"seconds": \d+|":now": \{"S": "[^"]+"\}|"task_token": "[^"]+"', "", text)
