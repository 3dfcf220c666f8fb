"""Events of commits that are about to happen, or that a job did not live to tell of."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.jobs.pending_commits import pending_commit
from tests.planning.fast_services import Ledger, Objects, Pipelines, States

from ndr.contract.datasets import FG_A, FG_B
from ndr.contract.events import event_attributes, event_key, event_of
from ndr.contract.manifest import MANIFEST_NAME, Manifest
from ndr.contract.time import SLICE, Interval, parse_instant
from ndr.jobs.run import Run
from ndr.planner.commits import LONGEST, Commits
from ndr.planner.waiting_events import take_events

START = parse_instant("2026-01-05T06:00:00Z")
SLICE_0 = Interval(START, START + SLICE)
RUN: Any = Run("fg_a_builder", "ndr-prod", "v1", None)  # type: ignore[arg-type]
PROJECT = ("ndr-prod", "v1")
BY_HAND = "a job started by hand, 1"


class Account:
    """A ledger with one event of a commit that is about to happen, and what Commits asks."""

    def __init__(self, dataset: str = FG_A.name, publisher: str | None = None, **facts: Any) -> None:
        self.ledger, self.objects, self.pipelines = Ledger(), Objects(), Pipelines()
        self.publisher = publisher or self.pipelines.start({}, START)
        self.pending = pending_commit(RUN, dataset, SLICE_0)
        event = event_of(self.pending.manifest, self.pending.uri, **facts)
        assert event is not None
        self.item = {**event_key(event), **event_attributes(event), "publisher": self.publisher}
        self.ledger.put_item(Item=self.item)

    def end(self, status: str = "Stopped") -> None:
        self.pipelines.executions[self.publisher]["PipelineExecutionStatus"] = status

    def publish(self, **changes: Any) -> None:
        manifest: Manifest = self.pending.manifest.model_copy(update=changes)
        key = f"{urlsplit(self.pending.uri).path.lstrip('/')}/{MANIFEST_NAME}"
        self.objects.put(key, manifest.model_dump_json().encode(), START)

    def taken(self, after: timedelta = timedelta()) -> list[str]:
        """Take what is due some time after the commit; returns the run of each event."""
        now = datetime.now(UTC) + after
        commits = Commits(self.objects, self.pipelines)
        found = take_events(self.ledger, States(), commits, PROJECT, "machine", now)
        return [json.loads(each.detail)["run_id"] for each in found]

    @property
    def is_waiting(self) -> bool:
        return bool(self.ledger.items)


@pytest.mark.parametrize("is_published", [False, True])
@pytest.mark.parametrize("after", [timedelta(), 10 * LONGEST])
def test_the_event_of_a_run_that_goes_on_is_its_own(is_published: bool, after: timedelta) -> None:
    account = Account()
    if is_published:
        account.publish()
    assert account.taken(after) == []
    assert account.is_waiting


@pytest.mark.parametrize("status", ["Stopped", "Failed", "Succeeded"])
@pytest.mark.parametrize(("dataset", "facts"), [(FG_A.name, {}), (FG_B, {"horizon": "7d"})])
def test_a_commit_of_a_run_that_has_ended_is_told(dataset: str, facts: Any, status: str) -> None:
    account = Account(dataset, **facts)
    account.publish()
    account.end(status)
    assert account.taken() == ["run-1"]


@pytest.mark.parametrize("changes", [None, {"run_id": "run-2"}, {"published_at": START}])
def test_a_commit_that_did_not_happen_is_never_told_and_is_forgotten(changes: Any) -> None:
    account = Account()
    if changes:
        account.publish(**changes)
    account.end()
    assert account.taken() == []
    assert account.is_waiting, "S3 may accept the commit of a process that is about to end"
    assert account.taken(LONGEST + SLICE) == []
    assert not account.is_waiting


def test_a_run_without_an_execution_is_taken_as_ended_after_the_longest_commit() -> None:
    account = Account(publisher=BY_HAND)
    account.publish()
    assert account.taken() == []
    assert account.taken(LONGEST + SLICE) == ["run-1"]


def test_an_event_whose_commit_is_found_meanwhile_is_not_forgotten() -> None:
    account = Account()
    account.end()
    key = (account.item["series"], account.item["as_of"])

    def replaced() -> None:
        """Another run finds the version published, and replaces it."""
        account.ledger.items[key].pop("publisher", None)

    account.objects.between = replaced  # between the listing of events and the reading of the manifest
    assert account.taken(LONGEST + SLICE) == []
    assert account.is_waiting
    assert account.taken() == ["run-1"]
