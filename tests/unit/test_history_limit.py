"""Polling stays below the events that an execution may have, whatever the parameters of the template allow."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import jsonata
import pytest
from tests.statemachines.definition import source
from tests.template import TEMPLATE

from ndr.local.cost.transitions import polls as count_polls
from ndr.planner.limits import HISTORY_EVENTS

EVENTS = {"Task": 5, "Choice": 2, "Wait": 2}
"""Events of a state that succeeds; of a task: entered, scheduled, started, succeeded, exited."""
AROUND = 500  # every state that runs once, restarts, and retries
LONGEST_WAIT_SECONDS = 93_600  # for which one execution waits for another


def allowed(name: str) -> tuple[int, int]:
    parameter = TEMPLATE["Parameters"][name]
    return parameter["MinValue"], parameter["MaxValue"]


def states(machine: str, **values: int) -> dict[str, Any]:
    """The states as deployed with some values."""
    text = re.sub(r"\$\{(\w+)\}", lambda name: str(values.get(name[1], "x")), source(machine))
    return dict(json.loads(text)["States"])


@lru_cache
def program(expression: str) -> jsonata.Jsonata:
    return jsonata.Jsonata.jsonata(expression.removeprefix("{%").removesuffix("%}"))


def evaluated(expression: str, **variables: Any) -> float:
    return float(program(expression).evaluate(None, variables))


def polls(poll: int, longest: int, deadline: int) -> int:
    """How often `run_pipeline` waits until its deadline."""
    grow = states("run_pipeline", MaxPollSeconds=longest)["WaitForNextPoll"]["Assign"]["waitSeconds"]
    wait, waited, count = float(poll), 0.0, 0
    while waited <= deadline:
        waited, count = waited + wait, count + 1
        wait = evaluated(grow, waitSeconds=wait, startedAt=(datetime.now(UTC).timestamp() - waited) * 1000)
        assert wait <= max(longest, poll, waited / 100), "how late an end is noticed"
    return count


def combinations() -> Iterator[tuple[int, int, int]]:
    yield from itertools.product(allowed("PollSeconds"), allowed("MaxPollSeconds"), allowed("DeadlineSeconds"))
    yield 1, 1, 10 * allowed("DeadlineSeconds")[1]  # a request may give a longer one


def test_the_longest_polling_that_the_parameters_allow_has_less_than_25_000_events() -> None:
    each = sum(EVENTS[kind] for kind in ("Task", "Choice", "Wait"))
    assert each == 9
    found = {given: each * polls(*given) + AROUND for given in combinations()}
    assert max(found.values()) < HISTORY_EVENTS, found
    assert min(count for given, count in found.items() if given[2] > 1000) > AROUND + each  # it does poll


@pytest.mark.parametrize("given", [(15, 120), (1, 2), (1, 1), (300, 900)])
def test_the_cost_counts_polls_as_the_machine_does(given: tuple[int, int]) -> None:
    for seconds in (60, 3_600, 43_200):
        assert count_polls(seconds, *given) == pytest.approx(polls(*given, seconds), rel=0.02, abs=1)


def test_waiting_for_another_execution_has_less_than_25_000_events() -> None:
    for longest in allowed("MaxPollSeconds"):
        seconds = states("mini_batch", MaxPollSeconds=longest)["WaitForOther"]["Seconds"]
        waited, count = 0.0, 0
        while waited < 3 * LONGEST_WAIT_SECONDS:
            start = datetime.now(UTC) - timedelta(seconds=waited)
            context = {"Execution": {"StartTime": start.isoformat(timespec="milliseconds").replace("+00:00", "Z")}}
            wait = evaluated(seconds, states={"context": context})
            assert longest <= wait <= max(longest, 900)
            waited, count = waited + wait, count + 1
        plan_and_wait = sum(EVENTS[kind] for kind in ("Task", "Choice", "Choice", "Wait"))
        assert plan_and_wait * count + AROUND < HISTORY_EVENTS
