"""What the ledger knows about a range of baselines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from ndr.contract.errors import InvalidRequestError
from ndr.contract.ledger import LedgerRow, row_of
from ndr.contract.time import format_instant, parse_instant


class LedgerTable(Protocol):
    """What is used of `boto3.resource("dynamodb").Table(name)`."""

    def query(self, **kwargs: Any) -> Any: ...


def read_ledger_rows(
    table: LedgerTable,
    series: str,
    first: datetime,
    last: datetime,
    now: datetime,
    is_over: Callable[[str], bool] = lambda holder: False,
) -> dict[datetime, LedgerRow]:
    """Return what the ledger knows of every baseline whose end is in [first, last], by end.

    A row that breaks a rule is `unreadable`, with its key and the rule as the reason; one whose key is not a time is
    left out, since no baseline has such a key.
    """
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
    rows: dict[datetime, LedgerRow] = {}
    while True:
        page = table.query(**query)
        for item in page["Items"]:
            end = _end_of(item)
            if end and "status" in item:
                rows[end] = row_of({"series": series, **item}, now, is_over)
        if "LastEvaluatedKey" not in page:
            return rows
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _end_of(item: Any) -> datetime | None:
    try:
        return parse_instant(item["as_of"], "as_of")
    except InvalidRequestError:
        return None
