"""Events that wait in the ledger: each is taken by one execution, and is there until it was sent."""

from __future__ import annotations

import inspect
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from boto3.dynamodb.conditions import Key
from tests.jobs.ledger_table import table
from tests.planning.fast_services import Ledger, Objects, Pipelines
from tests.planning.fast_services import States as FastStates
from tests.planning.test_planning_claims import States
from tests.statemachines.publications import put_waiting

from ndr.contract.events import events_series
from ndr.planner.commits import Commits
from ndr.planner.waiting_events import ENTRIES, WaitingEvent, forget_events, give_back_events, take_events

__all__ = ["table"]  # a fixture
NOW = datetime(2026, 2, 1, 0, 5, tzinfo=UTC)
PROJECT = ("ndr-prod", "v1")
COMMITS = Commits(Objects(), Pipelines())
RUNNING = States(first="RUNNING", second="RUNNING")


def take(table: Any, execution: str, states: States = RUNNING) -> list[WaitingEvent]:
    return take_events(table, states, COMMITS, PROJECT, execution, NOW)


def keys(events: list[WaitingEvent]) -> list[str]:
    return [event.key for event in events]


def left(table: Any) -> list[dict[str, Any]]:
    return list(table.query(KeyConditionExpression=Key("series").eq(events_series(*PROJECT)))["Items"])


def test_without_events_one_query_is_asked(table: Any) -> None:
    asked: list[tuple[str, bool]] = []
    table.meta.client.meta.events.register(
        "before-parameter-build.dynamodb",
        lambda params, model, **_: asked.append((model.name, params.get("ConsistentRead", False))),
    )
    assert take(table, "first") == []
    assert asked == [("Query", True)], "an event that was written a moment ago must be seen"


def test_two_executions_never_take_the_same_event_and_the_oldest_go_first(table: Any) -> None:
    put_waiting(table, PROJECT[0], ENTRIES + 2)
    put_waiting(table, "another project", 1)
    first, second = take(table, "first"), take(table, "second")
    assert keys(first) + keys(second) == [item["as_of"] for item in left(table)]
    assert (len(first), len(second)) == (10, 2), "PutEvents takes ten entries"
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


class Sending:
    """Executions of `run_pipeline` that send what waits, in a random order, with PutEvents failing and some aborted.

    Between any two calls of one, others go on.

    Attributes
    ----------
    sent
        How often EventBridge accepted each event, by its key.
    doubtful
        Events whose execution was aborted between their being accepted and forgotten.
    """

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.sent: Counter[str] = Counter()
        self.doubtful: set[str] = set()
        self.states = FastStates()
        self.ledger = Ledger()
        put_waiting(self.ledger, PROJECT[0], 13)
        self.ledger.between = self._others
        self._live: list[Iterator[None]] = []

    def run(self, executions: int) -> None:
        """Start executions, two at once, until nothing waits; at most so many."""
        for number in range(executions):
            self._live.append(self._execution(f"execution {number}"))
            while len(self._live) > 1 or (self._live and not self.ledger.items):
                self._others()
            if not (self._live or self.ledger.items):
                return

    def _execution(self, arn: str) -> Iterator[None]:
        """Go through TakeEvents, HasEvents and PutEvents as the machine does."""
        self.states.statuses[arn] = "RUNNING"
        sent: list[str] = []
        unsent: list[str] = []
        while True:
            forget_events(self.ledger, PROJECT, arn, sent)
            give_back_events(self.ledger, PROJECT, arn, unsent)
            taken = [] if unsent else keys(take_events(self.ledger, self.states, COMMITS, PROJECT, arn, NOW))
            yield
            if not taken or self.draw.random() < 0.1:  # aborted before they are put
                break
            accepted = self.draw.choice([taken, taken, taken, taken[1:], []])
            self.sent.update(accepted)
            yield
            if self.draw.random() < 0.1:  # aborted before it notes what was accepted
                self.doubtful.update(accepted)
                break
            sent, unsent = accepted, [key for key in taken if key not in accepted]
        self.states.statuses[arn] = "ABORTED" if taken else "SUCCEEDED"

    def _others(self) -> None:
        """Let one of the executions that are not in the middle of a call go on."""
        idle = [each for each in self._live if inspect.getgeneratorstate(each) != inspect.GEN_RUNNING]
        if idle and self.draw.random() < 0.5:
            each = self.draw.choice(idle)
            if next(each, "ended") == "ended":
                self._live.remove(each)


def test_in_any_order_of_executions_and_failures_each_event_is_sent_and_once_unless_its_answer_was_lost() -> None:
    again = 0
    for seed in range(1000):
        sending = Sending(seed)
        waiting = {item["as_of"] for item in sending.ledger.items.values()}
        sending.run(executions=100)
        assert not sending.ledger.items, f"seed {seed}: events wait for ever"
        assert set(sending.sent) == waiting, f"seed {seed}: events were lost"
        repeated = {key for key, times in sending.sent.items() if times > 1}
        assert repeated <= sending.doubtful, f"seed {seed}: an event was sent twice without need"
        again += len(repeated)
    assert again > 0, "an execution is aborted at the one moment, too"
