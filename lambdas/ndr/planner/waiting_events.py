"""Events that wait in the ledger to be sent: which execution of `run_pipeline` sends which, so that each is sent once.

An execution takes an event before it sends it, and the item is deleted once it was sent. An event of an execution that
has ended without that is taken over. So an event is sent again only where an execution ended, or its report was lost,
between the two; it then has the same id.

An event with a publisher is of a commit that is about to happen, or of a job that died. Once the publisher has ended,
the manifest says which: it names the run of the event, or the event is never sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.events import events_series
from ndr.contract.time import format_instant, whole_seconds
from ndr.planner.claims import has_ended
from ndr.planner.commits import Commits
from ndr.planner.plan import PlanPart

ENTRIES: Final = 10
"""The entries of one PutEvents at most."""


class WaitingEvent(PlanPart):
    """An event to send. `key` is its sort key in the ledger."""

    key: str
    detail_type: str
    detail: str


def take_events(
    ledger: Any, states: Any, commits: Commits, project: tuple[str, str], execution: str, now: datetime
) -> list[WaitingEvent]:
    """Take the oldest events that no other running execution has taken, ENTRIES at most.

    Parameters
    ----------
    ledger : boto3 table
    states : boto3 client
        Of Step Functions, by which is seen whether an execution that took an event has ended.
    commits : Commits
        Tells of an event with a publisher whether its commit happened.
    project : tuple of str
        Project name and feature spec version.
    execution : str
        ARN of the execution that sends them. It may take an event again that it has taken.
    """
    series, taken = events_series(*project), []
    ended = lru_cache(lambda holder: has_ended(states, holder))
    for item in _waiting(ledger, series):
        holder = item.get("holder", execution)
        if not (holder == execution or ended(holder)):
            continue
        commit = commits.of(item, now)
        if commit == "never":
            _forget_uncommitted(ledger, item)
        elif commit == "committed" and _is_taken(ledger, item, holder, execution, now):
            taken.append(WaitingEvent(key=item["as_of"], detail_type=item["detail_type"], detail=item["detail"]))
        if len(taken) == ENTRIES:
            break
    return taken


def forget_events(ledger: Any, project: tuple[str, str], execution: str, keys: Sequence[str]) -> None:
    """Delete events that an execution has sent, unless another one has taken them over."""
    for key in keys:
        _if_mine(
            ledger.delete_item,
            Key={"series": events_series(*project), "as_of": key},
            ConditionExpression="holder = :execution",
            ExpressionAttributeValues={":execution": execution},
        )


def give_back_events(ledger: Any, project: tuple[str, str], execution: str, keys: Sequence[str]) -> None:
    """Give back events that an execution has taken and could not send: the next execution sends them."""
    for key in keys:
        _if_mine(
            ledger.update_item,
            Key={"series": events_series(*project), "as_of": key},
            UpdateExpression="REMOVE holder",
            ConditionExpression="holder = :execution",
            ExpressionAttributeValues={":execution": execution},
        )


def _forget_uncommitted(ledger: Any, item: dict[str, Any]) -> None:
    """Delete an event whose commit did not happen, unless its publication was found to be committed meanwhile."""
    _if_mine(
        ledger.delete_item,
        Key={"series": item["series"], "as_of": item["as_of"]},
        ConditionExpression="publisher = :publisher",
        ExpressionAttributeValues={":publisher": item["publisher"]},
    )


def _waiting(ledger: Any, series: str) -> Iterator[dict[str, Any]]:
    query: dict[str, Any] = {
        "KeyConditionExpression": "series = :series",
        "ExpressionAttributeValues": {":series": series},
        "ConsistentRead": True,
    }
    while True:
        page = ledger.query(**query)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _is_taken(ledger: Any, item: dict[str, Any], replaced: str, execution: str, now: datetime) -> bool:
    """Take an event. One that was sent and deleted meanwhile must not come back as an item without a detail."""
    return _if_mine(
        ledger.update_item,
        Key={"series": item["series"], "as_of": item["as_of"]},
        UpdateExpression="SET holder = :execution, taken_at = :now",
        ConditionExpression=(
            "attribute_exists(detail) AND (attribute_not_exists(holder) OR holder IN (:execution, :replaced))"
        ),
        ExpressionAttributeValues={
            ":execution": execution,
            ":replaced": replaced,
            ":now": format_instant(whole_seconds(now)),
        },
    )


def _if_mine(operation: Any, **request: Any) -> bool:
    """Write an item unless its condition fails; tell whether it was written."""
    try:
        operation(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True
