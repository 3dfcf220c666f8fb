"""What the ledger knows about a series of baselines."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from ndr.contract.time import format_instant, parse_instant


class LedgerTable(Protocol):
    """What is used of `boto3.resource("dynamodb").Table(name)`."""

    def query(self, **kwargs: Any) -> Any: ...


def read_statuses(table: LedgerTable, series: str, first: datetime, last: datetime) -> dict[datetime, str]:
    """Return the status of every baseline in the ledger whose end is in [first, last], by end."""
    query: dict[str, Any] = {
        "KeyConditionExpression": "series = :series AND as_of BETWEEN :first AND :last",
        "ProjectionExpression": "as_of, #status",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {
            ":series": series,
            ":first": format_instant(first),
            ":last": format_instant(last),
        },
        "ConsistentRead": True,
    }
    statuses: dict[datetime, str] = {}
    while True:
        page = table.query(**query)
        statuses |= {parse_instant(item["as_of"], "as_of"): str(item["status"]) for item in page["Items"]}
        if "LastEvaluatedKey" not in page:
            return statuses
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
