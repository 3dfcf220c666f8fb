"""Claims of batches: one execution at a time, taken over when it has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.jobs.ledger_table import table

from ndr.contract.ledger import EXPIRES_AT, KEPT, batch_claim_key
from ndr.contract.time import SLICE, Interval
from ndr.planner.claims import claim_batch

__all__ = ["table"]  # a fixture
NOW = datetime(2026, 2, 1, 0, 5, tzinfo=UTC)
BATCH = Interval(NOW.replace(minute=0) - SLICE, NOW.replace(minute=0))
PROJECT = ("ndr-prod", "v1")


class States:
    """Step Functions as far as a claim asks it: the status of executions, or an error where there is none."""

    def __init__(self, **statuses: str) -> None:
        self.statuses = statuses

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803 - boto3's spelling
        status = self.statuses.get(executionArn, "ExecutionDoesNotExist")
        if status.isupper():
            return {"status": status}
        raise ClientError({"Error": {"Code": status, "Message": ""}}, "DescribeExecution")


def claim(table: Any, execution: str, states: States, batch: Interval = BATCH) -> str | None:
    return claim_batch(table, states, PROJECT, batch, execution, NOW)


def test_a_claim_expires_when_its_execution_is_long_over(table: Any) -> None:
    assert claim(table, "first", States(first="RUNNING")) is None
    (item,) = table.scan()["Items"]
    assert item[EXPIRES_AT] == int((NOW + KEPT).timestamp())


def test_one_of_two_executions_holds_a_batch_and_may_claim_it_again(table: Any) -> None:
    states = States(first="RUNNING", second="RUNNING")
    assert claim(table, "first", states) is None
    assert claim(table, "second", states) == "first"
    assert claim(table, "first", states) is None
    assert claim(table, "second", states, Interval(BATCH.start - SLICE, BATCH.start)) is None  # another batch


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "SUCCEEDED", "TIMED_OUT", "ExecutionDoesNotExist"])
def test_the_claim_of_an_execution_that_has_ended_is_taken_over(table: Any, status: str) -> None:
    states = States(first=status, second="RUNNING", third="RUNNING")
    assert claim(table, "first", states) is None
    assert claim(table, "second", states) is None
    assert claim(table, "third", states) == "second"


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE", "AccessDeniedException", "ThrottlingException"])
def test_a_holder_whose_status_cannot_be_read_is_treated_as_running(table: Any, status: str) -> None:
    assert claim(table, "first", States()) is None
    assert claim(table, "second", States(first=status)) == "first"


class TakenOver(States):
    """Executions that have all ended. While the first few are described, another one takes the claim over."""

    def __init__(self, table: Any, times: int) -> None:
        super().__init__()
        self.table, self.times, self.described = table, times, 0

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803 - boto3's spelling
        self.described += 1
        if self.described <= self.times:
            key = batch_claim_key(*PROJECT, BATCH)
            self.table.put_item(Item={**key, "holder": f"other {self.described}"})
        return super().describe_execution(executionArn=executionArn)


@pytest.mark.parametrize(("times", "holder"), [(3, None), (4, "other 4")])
def test_a_claim_that_is_taken_over_again_and_again_is_tried_five_times(
    table: Any, times: int, holder: str | None
) -> None:
    assert claim(table, "first", States()) is None
    assert claim(table, "second", TakenOver(table, times)) == holder


def test_the_holder_is_read_consistently(table: Any) -> None:
    read: list[Any] = []
    table.meta.client.meta.events.register(
        "before-parameter-build.dynamodb.GetItem", lambda params, **_: read.append(params.get("ConsistentRead"))
    )
    assert claim(table, "first", States()) is None
    assert claim(table, "second", States(first="RUNNING")) == "first"
    assert read == [True]
