"""Versions and aliases of state machines: in templates, for nested executions, and what an execution of them runs.

MiniStack lacks these: it has the operations and not the CloudFormation resource types, it finds a nested state machine
by its own ARN only, and it runs the newest definition whatever version an alias names. An alias moves to a new version
at once, whatever its DeploymentPreference says.
"""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import stepfunctions
from ministack.services.cloudformation import provisioners

_version: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar("version", default=None)
"""The version that the execution being started runs; None where its machine was named without one."""


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

    stepfunctions._start_sync_execution = _of_version(start_resolved)


def run_what_was_started() -> None:
    """Let an execution that was started by a version, or by an alias, run the definition of that version."""
    stepfunctions._start_execution = _of_version(stepfunctions._start_execution)
    machines = _Machines()
    machines._data = stepfunctions._state_machines._data
    stepfunctions._state_machines = machines


def _of_version(start: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def start_version(request: dict[str, Any]) -> Any:
        arn = stepfunctions._execution_version_arn(request.get("stateMachineArn", ""))
        token = _version.set(stepfunctions._state_machine_versions.get(arn))  # the execution's thread inherits it
        try:
            return start(request)
        finally:
            _version.reset(token)

    return start_version


class _Machines(AccountRegionScopedDict):
    """The state machines. An execution gets its own once, when it begins, with the definition of its version."""

    def get(self, key: str, default: Any = None) -> Any:
        machine, version = super().get(key, default), _version.get()
        if machine is None or version is None or version["stateMachineArn"] != key:
            return machine
        _version.set(None)
        return {**machine, "definition": version["definition"]}


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
