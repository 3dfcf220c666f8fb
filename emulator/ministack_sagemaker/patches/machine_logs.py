"""A state machine with a log needs a role that may set up the delivery of the log.

MiniStack lacks this: it accepts any role.
"""

from __future__ import annotations

from typing import Any, Final

from ministack.core.responses import error_response_json
from ministack.services import stepfunctions

from ministack_sagemaker.acting_role import NotAllowedError, require
from ministack_sagemaker.scope import Scope

DELIVERY_ACTIONS: Final = (
    *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
    *("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
)


def check_delivery_permissions() -> None:
    """Create or update a state machine with a log only if its role may set up the delivery."""
    stepfunctions._create_state_machine = _checked(stepfunctions._create_state_machine)
    stepfunctions._update_state_machine = _checked(stepfunctions._update_state_machine)


def _checked(operation: Any) -> Any:
    def answer(request: dict[str, Any]) -> Any:
        machine = stepfunctions._state_machines.get(request.get("stateMachineArn", "")) or {}
        role = request.get("roleArn") or machine.get("roleArn", "")
        try:
            for action in DELIVERY_ACTIONS if (request.get("loggingConfiguration") or {}).get("destinations") else ():
                require(Scope.of_request(), role, f"logs:{action}", "*")
        except NotAllowedError as error:
            sentence = f"The state machine IAM Role is not authorized to access the Log Destination. {error}"
            return error_response_json("AccessDeniedException", sentence, 400)
        return operation(request)

    return answer
