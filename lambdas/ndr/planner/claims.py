"""Claims: which execution of the `mini_batch` machine runs a batch, so that two at once are settled before one starts.

A claim is an item of the ledger. It is made when a batch is planned, deleted when the batch was run, and taken over
when the execution that made it has ended. Another one says which execution waits for the files of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.ledger import EXPIRES_AT, batch_claim_key, expiry
from ndr.contract.time import Interval, format_instant, whole_seconds

ATTEMPTS: Final = 5


def claim_batch(
    table: Any, states: Any, project: tuple[str, str], batch: Interval, execution: str, now: datetime
) -> str | None:
    """Claim a batch for an execution; see `claim`."""
    return claim(table, states, batch_claim_key(*project, batch), execution, now)


def claim(table: Any, states: Any, key: Mapping[str, str], execution: str, now: datetime) -> str | None:
    """Claim what a key of the ledger names for an execution.

    Parameters
    ----------
    table : boto3 table
        The ledger.
    states : boto3 client
        Of Step Functions, by which is seen whether the execution of another claim has ended.
    execution : str
        ARN of the state machine execution. It may claim again what it holds.

    Returns
    -------
    str or None
        The running execution that holds the claim; None when `execution` holds it now.
    """
    replaced = execution
    for _ in range(ATTEMPTS):
        if _claimed(table, key, execution, replaced, now):
            return None
        holder = table.get_item(Key=dict(key), ConsistentRead=True).get("Item", {}).get("holder")
        if holder and not has_ended(states, holder):
            return str(holder)
        replaced = holder or execution
    return str(replaced)


def release_claim(table: Any, key: Mapping[str, str], execution: str) -> None:
    """Delete a claim, unless it is another execution's."""
    try:
        table.delete_item(
            Key=dict(key),
            ConditionExpression="holder = :execution",
            ExpressionAttributeValues={":execution": execution},
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def _claimed(table: Any, key: Mapping[str, str], execution: str, replaced: str, now: datetime) -> bool:
    try:
        table.update_item(
            Key=dict(key),
            UpdateExpression=f"SET holder = :execution, claimed_at = :now, {EXPIRES_AT} = :expiry",
            ConditionExpression="attribute_not_exists(holder) OR holder IN (:execution, :replaced)",
            ExpressionAttributeValues={
                ":execution": execution,
                ":replaced": replaced,
                ":now": format_instant(whole_seconds(now)),
                ":expiry": expiry(now),
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


def has_ended(states: Any, execution: str) -> bool:
    """Tell whether an execution has ended. If its status cannot be read, it is treated as running."""
    try:
        described = states.describe_execution(executionArn=execution)
    except ClientError as error:
        return error.response["Error"]["Code"] == "ExecutionDoesNotExist"
    return described["status"] not in ("RUNNING", "PENDING_REDRIVE")
