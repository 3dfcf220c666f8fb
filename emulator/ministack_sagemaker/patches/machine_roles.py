"""The Tasks of a state machine act with the role of the state machine.

MiniStack lacks this: it carries out every Task, whatever the role allows.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from typing import Any

from ministack.services import stepfunctions

from ministack_sagemaker.acting_role import NotAllowedError, require
from ministack_sagemaker.authorization import event_buses, resource_arn_of_call
from ministack_sagemaker.patches.encryption_keys import require_keys
from ministack_sagemaker.scope import Scope

IAM_NAMES = {"redshiftdata": "redshift-data", "eventbridge": "events"}
"""The name in policies of a service that has another name in a Task."""
NESTED_RULE = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"

_machine: contextvars.ContextVar[str] = contextvars.ContextVar("machine")


def check_task_permissions() -> None:
    """Let a Task fail as on AWS when the role of its state machine lacks a permission."""
    execute_task, invoke_resource = stepfunctions._execute_task, stepfunctions._invoke_resource

    def execute(state: dict[str, Any], given: Any, execution: dict[str, Any], context: Any) -> Any:
        token = _machine.set(execution["stateMachineArn"])
        try:
            return execute_task(state, given, execution, context)
        finally:
            _machine.reset(token)

    def invoke(resource: str, arguments: dict[str, Any]) -> Any:
        require_task(resource, arguments)
        return invoke_resource(resource, arguments)

    stepfunctions._execute_task = execute
    stepfunctions._invoke_resource = invoke


def require_task(resource: str, arguments: dict[str, Any]) -> None:
    """Check that the role of the state machine whose Task is being executed allows what the Task does."""
    # The current role: AWS assumes the role of the state machine anew for each Task.
    role = stepfunctions._state_machines[_machine.get()]["roleArn"]
    _require_all(Scope.of_request(), role, resource, arguments)


def needed(scope: Scope, resource: str, arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each action that a Task performs, with its resource."""
    integration = resource.removeprefix("arn:aws:states:::")
    if integration == "lambda:invoke":
        yield "lambda:InvokeFunction", arguments["FunctionName"]
    elif integration.startswith("states:startExecution"):
        yield "states:StartExecution", arguments["StateMachineArn"]
        if ".sync" in integration:
            for action in ("PutTargets", "PutRule", "DescribeRule"):
                yield f"events:{action}", scope.arn("events", NESTED_RULE)
            yield "states:DescribeExecution", _execution_of(scope, arguments["StateMachineArn"])
    elif integration.startswith("aws-sdk:"):
        _, name, action = integration.split(":")
        service = IAM_NAMES.get(name, name)
        if (service, action) == ("events", "putEvents"):
            for bus in event_buses(arguments, scope):
                yield "events:PutEvents", bus
            return
        yield f"{service}:{action[:1].upper()}{action[1:]}", resource_arn_of_call(service, arguments, scope) or "*"


def _execution_of(scope: Scope, machine: str) -> str:
    """Return an ARN of the form that the executions of a state machine have."""
    name = (stepfunctions._resolve_state_machine_arn(machine) or machine).rpartition(":")[2]
    return scope.arn("states", f"execution:{name}:any")


def _require_all(scope: Scope, role: str, resource: str, arguments: dict[str, Any]) -> None:
    integration = resource.removeprefix("arn:aws:states:::")
    try:
        for action, arn in needed(scope, resource, arguments):
            require(scope, role, action, arn)
            service, _, operation = action.partition(":")
            require_keys(scope, role, service, operation, arguments)
    except NotAllowedError as error:
        raise stepfunctions._ExecutionError(_error_name(integration), str(error)) from error


def _error_name(integration: str) -> str:
    if integration.startswith("aws-sdk:"):
        service = integration.split(":")[1]
        prefix = stepfunctions._AWS_SDK_ERROR_PREFIX.get(service, service.capitalize())
        return f"{prefix}.AccessDeniedException"
    return "Lambda.AWSLambdaException" if integration == "lambda:invoke" else "StepFunctions.AccessDeniedException"
