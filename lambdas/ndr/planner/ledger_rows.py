"""What the ledger knows about a range of baselines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from ndr.contract.ledger import LedgerEntry, entry_of
from ndr.contract.time import format_instant, parse_instant


class LedgerTable(Protocol):
    """What is used of `boto3.resource("dynamodb").Table(name)`."""

    def query(self, **kwargs: Any) -> Any: ...


def read_entries(
    table: LedgerTable,
    series: str,
    first: datetime,
    last: datetime,
    now: datetime,
    is_over: Callable[[str], bool] = lambda holder: False,
) -> dict[datetime, LedgerEntry]:
    """Return what the ledger knows of every baseline whose end is in [first, last], by end."""
    query: dict[str, Any] = {
        "KeyConditionExpression": "series = :series AND as_of BETWEEN :first AND :last",
        "ProjectionExpression": "as_of, #status, reason, holder, lease_until, claimed_at, stale_since",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {
            ":series": series,
            ":first": format_instant(first),
            ":last": format_instant(last),
        },
        "ConsistentRead": True,
    }
    entries: dict[datetime, LedgerEntry] = {}
    while True:
        page = table.query(**query)
        entries |= {
            parse_instant(item["as_of"], "as_of"): entry_of(item, now, is_over)
            for item in page["Items"]
            if "status" in item
        }
        if "LastEvaluatedKey" not in page:
            return entries
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
