"""Many conditional updates of the ledger with few requests: each item keeps its own condition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from ndr.contract.time import format_instant, whole_seconds

TRANSACTION: Final = 100
"""The items of a DynamoDB transaction at most."""
_REFUSED: Final = "ConditionalCheckFailed"


class Update(NamedTuple):
    """An update of one item, and the condition without which the item stays as it is."""

    key: Mapping[str, str]
    expression: str
    condition: str
    values: Mapping[str, Any]

    def request(self) -> dict[str, Any]:
        """Return the parameters of UpdateItem and of a transaction's Update, but for the table."""
        return {
            "Key": dict(self.key),
            "UpdateExpression": self.expression,
            "ConditionExpression": self.condition,
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": dict(self.values),
        }


def insufficient_update(key: Mapping[str, str], reason: str, now: datetime) -> Update:
    """Return the note that a baseline has too little history, unless it is completed or being built."""
    return Update(
        key,
        "SET #status = :short, reason = :reason, updated_at = :now REMOVE lease_until, lease_id, holder",
        "attribute_not_exists(#status) OR (#status <> :completed AND "
        "(attribute_not_exists(lease_until) OR lease_until <= :now))",
        {
            ":short": "insufficient_history",
            ":completed": "completed",
            ":reason": reason,
            ":now": format_instant(whole_seconds(now)),
        },
    )


def failed_update(key: Mapping[str, str], reason: str, execution: str, now: datetime) -> Update:
    """Return the mark that a baseline was not built, unless it is completed, has too little history or is being built.

    Parameters
    ----------
    execution : str
        ARN of the execution that failed to build it.
    """
    return Update(
        key,
        "SET #status = :failed, reason = :reason, execution = :execution, failed_at = :now",
        "attribute_not_exists(#status) OR (NOT #status IN (:completed, :short) AND "
        "(attribute_not_exists(lease_until) OR lease_until < :now))",
        {
            ":failed": "failed",
            ":completed": "completed",
            ":short": "insufficient_history",
            ":reason": reason,
            ":execution": execution,
            ":now": format_instant(whole_seconds(now)),
        },
    )


def stale_update(key: Mapping[str, str], now: datetime) -> Update:
    """Return the mark that what a baseline is built from has changed: one whose building began before is stale."""
    values = {":now": format_instant(whole_seconds(now))}
    return Update(key, "SET stale_since = :now", "attribute_exists(#status)", values)


def apply_updates(table: Any, updates: Iterable[Update]) -> None:
    """Apply updates, TRANSACTION a request. One whose condition fails is left out; the others are applied.

    Parameters
    ----------
    table : boto3 table
        The ledger.
    updates : iterable of Update
        Each of another item.
    """
    given = list(updates)
    for first in range(0, len(given), TRANSACTION):
        _apply_together(table, given[first : first + TRANSACTION])


def _apply_together(table: Any, updates: Sequence[Update]) -> None:
    """Apply at most TRANSACTION updates. A transaction that any condition cancels is tried again without those."""
    left = list(updates)
    while left:
        items = [{"Update": {"TableName": table.name, **update.request()}} for update in left]
        try:
            table.meta.client.transact_write_items(TransactItems=items)
            return
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
        kept = [update for update, code in zip(left, codes, strict=True) if code != _REFUSED]
        if len(kept) == len(left):  # an item is in another request at the same time
            _apply_singly(table, kept)
            return
        left = kept


def _apply_singly(table: Any, updates: Iterable[Update]) -> None:
    for update in updates:
        try:
            table.update_item(**update.request())
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
