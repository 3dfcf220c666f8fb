"""The services in memory answer as simulated ones do."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from moto import mock_aws
from tests.jobs.ledger_table import table
from tests.planning.bucket import Bucket
from tests.planning.fast_services import Ledger, Objects, Pipelines, States
from tests.statemachines.publications import put_waiting

from ndr.contract.ledger import batch_claim_key
from ndr.contract.time import SLICE, Interval, parse_instant
from ndr.planner.claims import claim, release_claim
from ndr.planner.clients import planner_session
from ndr.planner.commits import Commits
from ndr.planner.keys import objects_below
from ndr.planner.waiting_events import forget_events, give_back_events, take_events

__all__ = ["table"]  # a fixture
AT: Final = datetime(2026, 1, 9, tzinfo=UTC)
COMMITS: Final = Commits(Objects(), Pipelines())
START: Final = parse_instant("2026-01-05T06:00:00Z")


@pytest.mark.parametrize("seed", range(4))
def test_claims_come_out_as_on_a_simulated_table(table: Any, seed: int) -> None:
    draw, fast = random.Random(seed), Ledger()
    states = States(statuses={"first": "RUNNING", "second": "SUCCEEDED", "third": "RUNNING"})
    for _ in range(20):
        execution = draw.choice(["first", "second", "third", "fourth"])
        key = batch_claim_key("ndr-prod", "v1", Interval(START, START + draw.choice([1, 2]) * SLICE))
        is_claim = draw.random() < 0.5

        def act(held: Any, key: dict[str, str] = key, execution: str = execution, is_claim: bool = is_claim) -> Any:
            return claim(held, states, key, execution, AT) if is_claim else release_claim(held, key, execution)

        assert act(fast) == act(table)
        assert {tuple(sorted(item.items())) for item in fast.items.values()} == {
            tuple(sorted(item.items())) for item in table.scan()["Items"]
        }


@pytest.mark.parametrize("seed", range(4))
def test_waiting_events_come_out_as_on_a_simulated_table(table: Any, seed: int) -> None:
    draw, fast = random.Random(seed), Ledger()
    states, project = States(statuses={"first": "RUNNING", "second": "ABORTED"}), ("ndr-prod", "v1")
    for ledger in (table, fast):
        put_waiting(ledger, "ndr-prod", 12)
    for _ in range(8):
        execution = draw.choice(["first", "second", "third"])
        taken = [take_events(ledger, states, COMMITS, project, execution, AT) for ledger in (table, fast)]
        assert taken[0] == taken[1]
        done = [event.key for event in taken[0][:2]]
        act = draw.choice([forget_events, give_back_events])
        for ledger in (table, fast):
            act(ledger, project, execution, done)
        assert len(fast.items) == len(table.scan()["Items"])


@pytest.mark.parametrize(
    "asked", [{}, {"StartAfter": "a/2/y"}, {"Delimiter": "/"}, {"StartAfter": "a/2", "Delimiter": "/"}]
)
def test_a_listing_comes_out_as_that_of_the_other_bucket(asked: dict[str, str]) -> None:
    keys = ["a/1", "a/2/x", "a/2/y", "a/3/z", "b"]
    fast = Objects()
    for key in keys:
        fast.put(key, b"", AT)

    def listed(s3: Any) -> tuple[list[Any], list[Any]]:
        pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="data", Prefix="a/", **asked))
        files = [item for page in pages for item in page.get("Contents", [])]
        return (
            [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])],
            [(item["Key"], item["Size"], item["LastModified"]) for item in files],
        )

    with mock_aws():
        assert listed(fast) == listed(Bucket(keys).attach(planner_session().client("s3", region_name="us-east-1")))
    assert [item["Key"] for item in objects_below(fast, "data", "b")] == ["b"]
