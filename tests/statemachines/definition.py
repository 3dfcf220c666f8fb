"""Reads a state machine's definition and finds mistakes that asl-validator and cfn-lint let through.

Unknown aws-sdk services, actions, argument and error names (against botocore's service models), variables read before
they are assigned on every path, and JSONata that Step Functions refuses though the engine behind it takes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import botocore.session
import jsonata

FOLDER: Final = Path(__file__).parents[2] / "statemachines"
MACHINES: Final = ("run_pipeline", "baselines", "mini_batch")

_COMMON = {"Type", "Comment", "QueryLanguage"}
_FLOW = {"Next", "End"}
FIELDS: Final = {
    "Task": _COMMON | _FLOW | {"Resource", "Arguments", "Assign", "Output", "TimeoutSeconds", "Retry", "Catch"},
    "Map": _COMMON
    | _FLOW
    | {"Items", "ItemSelector", "ItemProcessor", "MaxConcurrency", "Assign", "Output", "Retry", "Catch"},
    "Pass": _COMMON | _FLOW | {"Assign", "Output"},
    "Wait": _COMMON | _FLOW | {"Seconds", "Timestamp", "Assign", "Output"},
    "Choice": _COMMON | {"Choices", "Default", "Assign", "Output"},
    "Fail": _COMMON | {"Error", "Cause"},
}
CONTEXT: Final = (
    r"Execution\.(Id|Input|Name|RoleArn|StartTime|RedriveCount|RedriveTime)",
    r"State\.(EnteredTime|Name|RetryCount)",
    r"StateMachine\.(Id|Name)",
    r"Map\.Item\.(Index|Value)",
    r"Task\.Token",
)
OPTIMIZED: Final = {
    "lambda:invoke": {"FunctionName", "Payload"},
    "lambda:invoke.waitForTaskToken": {"FunctionName", "Payload"},
    "states:startExecution.sync:2": {"StateMachineArn", "Input", "Name"},
}
# Step Functions calls through the AWS SDK for Java: the service and that SDK's prefix for error names.
SERVICES: Final = {"sagemaker": "SageMaker", "dynamodb": "DynamoDb", "sns": "Sns", "eventbridge": "EventBridge"}
IN_BOTOCORE: Final = {"eventbridge": "events"}
"""The name in botocore of a service that has another name in a Task."""
# Errors outside the service models: of the SDK itself, and those that AWS names alike for every service.
UNMODELLED: Final = {
    "ThrottlingException",
    "ServiceUnavailableException",
    "InternalFailureException",
    "SdkClientException",
}
OTHER_ERRORS: Final = {
    "States.ALL",
    "States.Timeout",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "StepFunctions.ExecutionLimitExceeded",
    "StepFunctions.ExecutionLimitExceededException",
    "StepFunctions.AWSStepFunctionsException",
}


def source(machine: str) -> str:
    """The definition of a machine as it is in the repository."""
    return (FOLDER / f"{machine}.asl.json").read_text()


def substituted(text: str) -> dict[str, Any]:
    """The definition with a value for each `${Name}`: 1 where a number stands in an expression, else a word."""
    text = text.replace("${Partition}", "aws")
    return json.loads(re.sub(r"\$\{(\w+)\}", lambda name: "1" if name[1].endswith("Seconds") else name[1], text))


@dataclass(frozen=True)
class Edge:
    """A way from a state to the next, and the variables assigned on it."""

    target: str
    assigned: frozenset[str]


def scopes(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine and every ItemProcessor inside it: objects with StartAt and States."""
    yield definition
    for state in definition["States"].values():
        if "ItemProcessor" in state:
            yield from scopes(state["ItemProcessor"])


def all_states(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every state by name, those inside Maps included. Names are unique in a machine."""
    return {name: state for scope in scopes(definition) for name, state in scope["States"].items()}


def edges(state: dict[str, Any]) -> list[Edge]:
    """Every way out of a state."""
    own = frozenset(state.get("Assign", {}))
    ways = [Edge(state["Next"], own)] if "Next" in state else []
    ways += [Edge(rule["Next"], frozenset(rule.get("Assign", {}))) for rule in state.get("Choices", [])]
    ways += [Edge(state["Default"], own)] if "Default" in state else []
    return ways + [Edge(catcher["Next"], frozenset(catcher.get("Assign", {}))) for catcher in state.get("Catch", [])]


def problems(definition: dict[str, Any]) -> list[str]:
    """Every mistake found, each with the state it is in."""
    found = list(_flow_problems(definition, frozenset()))
    for name, state in all_states(definition).items():
        found += [f"{name}: {problem}" for problem in _state_problems(state)]
    return found


def _flow_problems(scope: dict[str, Any], outer: frozenset[str]) -> Iterator[str]:
    states, known = scope["States"], _known_at_entry(scope, outer)
    for name in [scope["StartAt"], *(edge.target for state in states.values() for edge in edges(state))]:
        if name not in states:
            yield f"no state is named {name}"
    for name, state in states.items():
        if name not in known:
            yield f"{name}: can't be reached"
            continue
        for read in sorted(_variables_read(state) - known[name]):
            yield f"{name}: ${read} is read but not assigned on every path"
        if "ItemProcessor" in state:
            yield from _flow_problems(state["ItemProcessor"], known[name])


def _known_at_entry(scope: dict[str, Any], outer: frozenset[str]) -> dict[str, frozenset[str]]:
    """For each reachable state the variables that every path to it has assigned."""
    known = {scope["StartAt"]: outer}
    waiting = [scope["StartAt"]]
    while waiting:
        name = waiting.pop()
        for edge in edges(scope["States"].get(name, {})):
            assigned = known[name] | edge.assigned
            narrowed = assigned & known.get(edge.target, assigned)
            if edge.target not in known or narrowed != known[edge.target]:
                known[edge.target] = narrowed
                waiting.append(edge.target)
    return known


def expressions(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every JSONata expression in a state, with the fields that lead to it; what is inside a Map is not the Map's."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "ItemProcessor":
                yield from expressions(item, (*path, key))
    elif isinstance(value, list):
        for item in value:
            yield from expressions(item, path)
    elif isinstance(value, str) and value.startswith("{%"):
        yield path, value.removeprefix("{%").removesuffix("%}")


def _bare(expression: str) -> str:
    """An expression without the contents of its string literals."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", "''", expression)


def _variables_read(state: dict[str, Any]) -> frozenset[str]:
    read: set[str] = set()
    for _, expression in expressions(state):
        text = _bare(expression)
        local = set(re.findall(r"\$(\w+)\s*:=", text))
        for parameters in re.findall(r"function\s*\(([^)]*)\)", text):
            local |= set(re.findall(r"\$(\w+)", parameters))
        read |= set(re.findall(r"\$([A-Za-z_]\w*)\b(?!\s*\()", text)) - local - {"states"}
    return frozenset(read)


def _state_problems(state: dict[str, Any]) -> Iterator[str]:
    unknown = set(state) - FIELDS[state["Type"]]
    if unknown:
        yield f"a {state['Type']} has no field {', '.join(sorted(unknown))}"
    if state["Type"] not in ("Choice", "Fail") and ("Next" in state) == bool(state.get("End")):
        yield "needs Next or End, and only one of them"
    for path, expression in expressions(state):
        yield from _expression_problems(state["Type"], path, expression)
    if state["Type"] == "Task":
        yield from _task_problems(state)


def _expression_problems(type_: str, path: tuple[str, ...], expression: str) -> Iterator[str]:
    try:
        jsonata.Jsonata.jsonata(expression)
    except Exception as error:
        yield f"{'.'.join(path)} is not JSONata: {error}"
    text = _bare(expression)
    if "$eval" in text:
        yield "$eval does not exist in Step Functions; use $parse"
    if "??" in text:
        yield "?? is not in JSONata 2.0"
    if re.search(r"\$(?![A-Za-z_])", text):
        yield "a bare $ has no meaning in Step Functions"
    if "$states.result" in text and not (type_ in ("Task", "Map") and path[0] in ("Output", "Assign")):
        yield f"$states.result does not exist in {path[0]} of a {type_}"
    if "$states.errorOutput" in text and path[0] != "Catch":
        yield f"$states.errorOutput does not exist in {path[0]}"
    for context in re.findall(r"\$states\.context\.([\w.]+)", text):
        if not any(re.match(known + r"(\.|$)", context) for known in CONTEXT):
            yield f"$states.context.{context} does not exist"
    for member in re.findall(r"\$states\.(\w+)", text):
        if member not in ("input", "result", "errorOutput", "context"):
            yield f"$states.{member} does not exist"


def _task_problems(state: dict[str, Any]) -> Iterator[str]:
    if not isinstance(state.get("TimeoutSeconds"), int):
        yield "a Task needs TimeoutSeconds"
    integration = state["Resource"].removeprefix("arn:aws:states:::")
    if integration.startswith("aws-sdk:"):
        yield from _sdk_problems(integration.removeprefix("aws-sdk:"), state.get("Arguments", {}))
    elif integration not in OPTIMIZED:
        yield f"{integration} is not a known integration"
    elif set(state["Arguments"]) - OPTIMIZED[integration]:
        yield f"{integration} takes no {', '.join(sorted(set(state['Arguments']) - OPTIMIZED[integration]))}"
    for retrier in state.get("Retry", []):
        if not {"MaxDelaySeconds", "JitterStrategy", "MaxAttempts"} <= set(retrier):
            yield "a Retry needs MaxAttempts, MaxDelaySeconds and JitterStrategy"
        if {"States.ALL", "States.TaskFailed"} & set(retrier["ErrorEquals"]):
            yield "a Retry of every error retries what can't pass"
    if not state.get("Retry"):
        yield "a Task needs Retry"
    for clause in [*state.get("Retry", []), *state.get("Catch", [])]:
        for error in clause["ErrorEquals"]:
            yield from _error_name_problems(error)


def _sdk_problems(integration: str, arguments: dict[str, Any]) -> Iterator[str]:
    service, _, action = integration.partition(":")
    if service not in SERVICES:
        yield f"aws-sdk:{service} is not a known service"
        return
    model = _model(service)
    operation = action[:1].upper() + action[1:]
    if operation not in model.operation_names or action[:1].isupper():
        yield f"aws-sdk:{service} has no action {action}"
        return
    shape = model.operation_model(operation).input_shape
    for name in arguments:
        if name not in shape.members:
            yield f"{operation} takes no {name}"
    for name in shape.required_members:
        if name not in arguments:
            yield f"{operation} needs {name}"


def _error_name_problems(error: str) -> Iterator[str]:
    prefix, _, name = error.partition(".")
    services = {error_prefix: service for service, error_prefix in SERVICES.items()}
    if prefix not in services:
        if error not in OTHER_ERRORS:
            yield f"{error} is not an error name"
        return
    model = _model(services[prefix])
    modelled = {shape if shape.endswith("Exception") else f"{shape}Exception" for shape in model.shape_names}
    if name not in modelled | UNMODELLED | {f"{prefix}Exception"}:
        yield f"{error} is not an error name"


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(IN_BOTOCORE.get(service, service))
