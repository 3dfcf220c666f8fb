"""Events that wait in the ledger: each is taken by one execution, and is there until it was sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from boto3.dynamodb.conditions import Key
from tests.jobs.ledger_table import table
from tests.planning.test_planning_claims import States
from tests.statemachines.publications import put_waiting

from ndr.contract.events import events_series
from ndr.planner.waiting_events import ENTRIES, WaitingEvent, forget_events, give_back_events, take_events

__all__ = ["table"]  # a fixture
NOW = datetime(2026, 2, 1, 0, 5, tzinfo=UTC)
PROJECT = ("ndr-prod", "v1")
RUNNING = States(first="RUNNING", second="RUNNING")


def take(table: Any, execution: str, states: States = RUNNING) -> list[WaitingEvent]:
    return take_events(table, states, PROJECT, execution, NOW)


def keys(events: list[WaitingEvent]) -> list[str]:
    return [event.key for event in events]


def left(table: Any) -> list[dict[str, Any]]:
    return list(table.query(KeyConditionExpression=Key("series").eq(events_series(*PROJECT)))["Items"])


def test_without_events_one_query_is_asked(table: Any) -> None:
    asked: list[str] = []
    table.meta.client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
    assert take(table, "first") == []
    assert asked == ["Query"]


def test_two_executions_never_take_the_same_event_and_the_oldest_go_first(table: Any) -> None:
    put_waiting(table, PROJECT[0], ENTRIES + 2)
    put_waiting(table, "another project", 1)
    first, second = take(table, "first"), take(table, "second")
    assert keys(first) + keys(second) == [item["as_of"] for item in left(table)]
    assert (len(first), len(second)) == (ENTRIES, 2)
    assert keys(take(table, "first")) == keys(first), "a retry of the same execution takes what it has"


def test_an_event_is_forgotten_when_it_was_sent_and_given_back_when_not(table: Any) -> None:
    put_waiting(table, PROJECT[0], 3)
    taken = keys(take(table, "first"))
    forget_events(table, PROJECT, "first", taken[:1])
    give_back_events(table, PROJECT, "first", taken[1:])
    assert keys(take(table, "second")) == taken[1:]
    forget_events(table, PROJECT, "first", taken)  # those are the second's now
    give_back_events(table, PROJECT, "first", taken)
    assert [item.get("holder") for item in left(table)] == ["second"] * 2


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "SUCCEEDED", "TIMED_OUT", "ExecutionDoesNotExist"])
def test_events_of_an_execution_that_has_ended_are_taken_over(table: Any, status: str) -> None:
    put_waiting(table, PROJECT[0], 2)
    taken = keys(take(table, "first"))
    assert keys(take(table, "second", States(first=status))) == taken


def test_an_event_that_was_sent_meanwhile_does_not_come_back(table: Any) -> None:
    put_waiting(table, PROJECT[0], 1)

    class SentMeanwhile:
        """The ledger, in which another execution sends what is listed before it is taken."""

        def __getattr__(self, name: str) -> Any:
            return getattr(table, name)

        def query(self, **asked: Any) -> Any:
            page = table.query(**asked)
            forget_events(table, PROJECT, "second", keys(take(table, "second")))
            return page

    assert take(SentMeanwhile(), "first") == []
    assert left(table) == []


def test_all_events_of_many_pages_are_sent_in_the_end(table: Any) -> None:
    put_waiting(table, PROJECT[0], 25)
    sent: list[str] = []
    while taken := keys(take(table, "first")):
        forget_events(table, PROJECT, "first", taken)
        sent += taken
    assert len(sent) == len(set(sent)) == 25
