"""Versions and aliases of state machines in templates, and nested executions that are started by an alias.

MiniStack lacks both: it has the operations and not the CloudFormation resource types, and it finds a nested state
machine by its own ARN only. An alias moves to a new version at once, whatever its DeploymentPreference says.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import stepfunctions
from ministack.services.cloudformation import provisioners


def add_resource_types() -> None:
    """Add the resource types AWS::StepFunctions::StateMachineVersion and StateMachineAlias."""
    for name, create, update, delete in (
        ("StateMachineVersion", _publish, _publish_again, _leave),
        ("StateMachineAlias", _create_alias, _move_alias, _delete_alias),
    ):
        handlers = {"create": create, "update": update, "delete": delete}
        provisioners._RESOURCE_HANDLERS[f"AWS::StepFunctions::{name}"] = handlers


def start_nested_by_alias() -> None:
    """Let a state machine start another by its alias and wait for it."""
    start = stepfunctions._start_sync_execution

    def start_resolved(request: dict[str, Any]) -> Any:
        asked = request.get("stateMachineArn", "")
        return start({**request, "stateMachineArn": stepfunctions._resolve_state_machine_arn(asked) or asked})

    stepfunctions._start_sync_execution = start_resolved


def _publish(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    arn = _call(stepfunctions._publish_state_machine_version, stateMachineArn=properties["StateMachineArn"])[
        "stateMachineVersionArn"
    ]
    return arn, {"Arn": arn}


def _publish_again(arn: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    return (arn, {"Arn": arn}) if old == new else _publish("", new, stack_name)


def _leave(arn: str, properties: dict[str, Any]) -> None:
    """Keep the version: it is deleted with its state machine, and an execution may still run on it."""


def _create_alias(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    routing = _routing(properties)
    created = _call(stepfunctions._create_state_machine_alias, name=properties["Name"], routingConfiguration=routing)
    return created["stateMachineAliasArn"], {"Arn": created["stateMachineAliasArn"]}


def _move_alias(arn: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    routing = _routing(new)
    _call(stepfunctions._update_state_machine_alias, stateMachineAliasArn=arn, routingConfiguration=routing)
    return arn, {"Arn": arn}


def _delete_alias(arn: str, properties: dict[str, Any]) -> None:
    stepfunctions._delete_state_machine_alias({"stateMachineAliasArn": arn})


def _routing(properties: dict[str, Any]) -> list[dict[str, Any]]:
    version = properties["DeploymentPreference"]["StateMachineVersionArn"]
    return [{"stateMachineVersionArn": version, "weight": 100}]


def _call(operation: Any, **request: Any) -> dict[str, Any]:
    status, _, body = operation(request)
    if status >= 400:
        raise ValueError(body.decode())
    return dict(json.loads(body))
