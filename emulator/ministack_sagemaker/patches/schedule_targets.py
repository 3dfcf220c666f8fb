"""A schedule or a rule starts its target with the target's role; what a schedule cannot start goes to its queue.

MiniStack lacks this: it starts the target without a role, and drops what fails. That a rule needs a role to start a
state machine: EventBridge User Guide, "Using identity-based policies"
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge, stepfunctions

from ministack_sagemaker.acting_role import NotAllowedError, require
from ministack_sagemaker.patches.encryption_keys import require_keys
from ministack_sagemaker.patches.start_execution import refusal
from ministack_sagemaker.scope import Scope

logger = logging.getLogger("ministack_sagemaker")


def check_target_permissions() -> None:
    """Start the state machine of a schedule if the target's role allows it; else send the input to the queue."""
    invoke_target = eventbridge._invoke_target

    def invoke(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> None:
        if ":stateMachine:" not in target["Arn"]:
            invoke_target(target, event, rule, view)
            return
        scope = Scope.of_request()
        if event.get("Source") != "aws.scheduler":
            _start_by_rule(scope, target, lambda: invoke_target(target, event, rule, view))
            return
        try:
            require(scope, target["RoleArn"], "states:StartExecution", target["Arn"])
            if stepfunctions._resolve_state_machine_arn(target["Arn"]) is None:
                raise NotAllowedError(f"State Machine Does Not Exist: '{target['Arn']}'")
            if refused := refusal({"stateMachineArn": target["Arn"], "input": target.get("Input", "{}")}):
                raise NotAllowedError(refused[1])
        except NotAllowedError as error:
            _send_to_queue(scope, target, str(error))
            return
        invoke_target(target, event, rule, view)

    eventbridge._invoke_target = invoke


def _start_by_rule(scope: Scope, target: dict[str, Any], start: Callable[[], None]) -> None:
    try:
        require(scope, target.get("RoleArn", "role/none"), "states:StartExecution", target["Arn"])
    except NotAllowedError as error:
        logger.warning("%s was not started by a rule: %s", target["Arn"], error)
        return
    start()


def _send_to_queue(scope: Scope, target: dict[str, Any], reason: str) -> None:
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    sqs = scope.client("sqs")
    url = sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
    try:
        require(scope, target["RoleArn"], "sqs:SendMessage", queue)
        require_keys(scope, target["RoleArn"], "sqs", "SendMessage", {"QueueUrl": url})
    except NotAllowedError:
        logger.warning("%s was not started (%s), and its role may not send to %s", target["Arn"], reason, queue)
        return
    sqs.send_message(
        QueueUrl=url,
        MessageBody=target.get("Input", "{}"),
        MessageAttributes={"ERROR_MESSAGE": {"DataType": "String", "StringValue": reason}},
    )
