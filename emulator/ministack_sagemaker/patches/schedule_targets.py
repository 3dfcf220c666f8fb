"""A schedule starts its target with the target's role, and sends what it cannot start to the dead-letter queue.

MiniStack lacks this: it starts the target without a role, and drops what fails.
"""

from __future__ import annotations

import logging
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
        if event.get("Source") != "aws.scheduler" or ":stateMachine:" not in target["Arn"]:
            invoke_target(target, event, rule, view)
            return
        scope = Scope.of_request()
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
