"""Whether the last deploy of the stack ended well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ndr.local.check.finding import Finding, broken, ok, warning
from ndr.local.check.stack import Stack

AREA: Final = "stack"
_DEPLOYED: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})


def check_status(stack: Stack) -> Iterator[Finding]:
    """Judge the stack's status."""
    found = f"{stack.name} in {stack.region} of account {stack.account} is {stack.status}"
    if stack.status in _DEPLOYED:
        yield ok(AREA, f"{found}.")
    elif stack.status == "UPDATE_ROLLBACK_COMPLETE":
        yield warning(
            AREA,
            f"{found}: the last deploy failed, and the one before it is in place. {_reason(stack)}",
            "Repair the reason and deploy again: sam build && sam deploy",
        )
    elif stack.status.endswith("_IN_PROGRESS"):
        yield warning(
            AREA, f"{found}; what follows may be of either release.", "Check again when the deploy has ended."
        )
    elif stack.status in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED"):
        yield broken(
            AREA,
            f"{found}: the first deploy failed. {_reason(stack)}",
            f"Repair the reason, delete the stack and deploy again: aws cloudformation delete-stack --stack-name "
            f"{stack.name}",
        )
    else:
        yield broken(AREA, f"{found}. {_reason(stack)}", "Repair the reason and deploy again: sam build && sam deploy")


def _reason(stack: Stack) -> str:
    """Return the reason of the newest failed event of the stack."""
    events = stack.client("cloudformation").describe_stack_events(StackName=stack.name)["StackEvents"]
    failed = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED") and event.get("ResourceStatusReason")
    ]
    return f"The last failure was of {failed[0]}" if failed else "Its events name no failure."
