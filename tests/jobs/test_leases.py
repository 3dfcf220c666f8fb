"""Leases in a table of moto: claim, renewal, takeover, record."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from tests.jobs.ledger_table import Clock, table
from tests.jobs.pending_commits import pending_commit

from ndr.contract.datasets import FG_B
from ndr.contract.errors import InvalidRequestError, PublishConflictError
from ndr.contract.ledger import EXPIRES_AT, KEPT, row_of
from ndr.contract.time import DAY, Interval, parse_instant
from ndr.jobs.fg_b.job import lease_key
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.leases import LEASE, Leases
from ndr.jobs.run import Run

__all__ = ["table"]  # a fixture
START = parse_instant("2026-01-05")
DAYS = Interval(START, START + 3 * DAY)
TARGET = Target(DAYS.end, "7d")
RUN = Run("fg_b_builder", "ndr-test", "v1", cast(Any, None))
KEY = lease_key(RUN, TARGET)


def leases(table: Any, holder: str, clock: Clock, **more: Any) -> Leases:
    return Leases(table, RUN, holder, clock=clock, **more)


def item(table: Any) -> dict[str, Any]:
    (found,) = table.scan()["Items"]
    return found


def test_a_lease_that_is_renewed_lives_and_one_that_is_not_is_taken_over(table: Any) -> None:
    clock = Clock()
    first, second = leases(table, "arn:1", clock), leases(table, "arn:2", clock)
    first.claim(KEY)
    for _ in range(5):
        clock.move(LEASE / 3)
        first.renew()
    held = second.claim(KEY)
    assert held is not None
    clock.move(LEASE)
    assert second.claim(KEY) is None
    assert item(table)["holder"] == "arn:2"


def test_a_baseline_is_stale_until_it_is_built_again(table: Any) -> None:
    clock = Clock()
    held = leases(table, "arn:1", clock)
    held.mark_stale(KEY)
    assert not table.scan()["Items"], "a baseline that the ledger does not know is not written into it"
    held.claim(KEY)
    held.record(KEY, {"status": "completed"})
    clock.move(LEASE)
    held.mark_stale(KEY)
    assert row_of(item(table), clock()).status == "stale"
    clock.move(LEASE)
    held.claim(KEY)
    held.record(KEY, {"status": "completed"})
    assert row_of(item(table), clock()).status == "completed"


def test_one_failed_renewal_does_not_lose_a_lease(table: Any) -> None:
    clock, waits = Clock(), []
    second = leases(table, "arn:2", clock)

    class Unreachable:
        """The ledger, which cannot be reached for the first renewal."""

        def update_item(self, **request: Any) -> Any:
            if len(waits) == 1:
                raise EndpointConnectionError(endpoint_url="https://dynamodb")
            return table.update_item(**request)

        def get_item(self, **request: Any) -> Any:
            return table.get_item(**request)

    def ended(seconds: float) -> bool:
        clock.move(timedelta(seconds=seconds))
        waits.append(seconds)
        assert second.claim(KEY) is not None, f"lost after {waits}"
        return len(waits) == 4

    first = leases(Unreachable(), "arn:1", clock)
    first.claim(KEY)
    first.renew_until(ended)
    assert item(table)["holder"] == "arn:1"


def test_the_leases_of_an_ended_holder_and_of_ones_own_earlier_attempt_are_free(table: Any) -> None:
    clock = Clock()
    leases(table, "arn:1", clock).claim(KEY)
    assert leases(table, "arn:1", clock).claim(KEY) is None
    asked = []

    def has_ended(holder: str) -> bool:
        asked.append(holder)
        return True

    assert leases(table, "arn:2", clock, has_ended=has_ended).claim(KEY) is None
    assert asked == ["arn:1"]
    assert item(table)["holder"] == "arn:2"


def test_a_run_that_fails_gives_its_leases_back_and_says_why(table: Any) -> None:
    clock = Clock()
    first = leases(table, "arn:1", clock)

    def build() -> None:
        with first.kept():
            first.claim(KEY)
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        build()
    assert {name: item(table).get(name) for name in ("status", "reason", "lease_until")} == {
        "status": "failed",
        "reason": "RuntimeError: disk full",
        "lease_until": None,
    }
    assert leases(table, "arn:2", clock).claim(KEY) is None
    assert "reason" not in item(table)


def test_stale_is_what_changed_while_or_after_it_was_built(table: Any) -> None:
    clock = Clock()
    first = leases(table, "arn:1", clock)
    first.claim(KEY)
    key = {name: item(table)[name] for name in ("series", "as_of")}
    clock.move(timedelta(minutes=1))
    table.update_item(
        Key=key, UpdateExpression="SET stale_since = :at", ExpressionAttributeValues={":at": "2026-02-01T00:01:00Z"}
    )
    first.record(KEY, {"status": "completed"})
    assert row_of(item(table), clock.now).status == "stale"
    clock.move(timedelta(minutes=1))
    first.claim(KEY)
    first.record(KEY, {"status": "completed"})
    assert row_of(item(table), clock.now).status == "completed"


def test_a_claim_lasts_up_to_its_end_and_no_longer(table: Any) -> None:
    clock = Clock()
    first, second = leases(table, "arn:1", clock), leases(table, "arn:2", clock)
    first.claim(KEY)
    clock.move(LEASE - timedelta(seconds=1))
    assert second.claim(KEY) is not None
    clock.move(timedelta(seconds=1))
    assert second.claim(KEY) is None
    assert item(table)["claimed_at"] == "2026-02-01T00:15:00Z"


def test_claim_all_names_the_first_partition_that_is_held(table: Any) -> None:
    clock = Clock()
    day = RUN.lease_key("deltas", DAYS)
    leases(table, "arn:1", clock).claim(day)
    with pytest.raises(PublishConflictError, match=r"deltas of \[2026-01-05.* is held by arn:1 until .* Wait until"):
        leases(table, "arn:2", clock).claim_all([KEY, day])


def test_a_renewal_that_finds_the_lease_lost_goes_on_with_the_others(table: Any) -> None:
    clock, day = Clock(), RUN.lease_key("deltas", DAYS)
    first, second = leases(table, "arn:1", clock), leases(table, "arn:2", clock)
    first.claim_all([KEY, day])
    clock.move(LEASE)
    assert second.claim(KEY) is None
    first.renew()
    assert second.claim(day) is not None
    with pytest.raises(PublishConflictError, match="was taken over by arn:2"):
        first.fence(KEY, pending_commit(RUN, FG_B, DAYS), horizon="7d")


def test_only_a_refused_condition_is_a_held_lease(table: Any) -> None:
    class Throttled:
        """A ledger that refuses every write."""

        def __init__(self, code: str) -> None:
            self.code = code

        def update_item(self, **request: Any) -> Any:
            raise ClientError({"Error": {"Code": self.code, "Message": ""}}, "UpdateItem")

        def get_item(self, **request: Any) -> Any:
            return {}

    with pytest.raises(ClientError, match="ThrottlingException"):
        leases(Throttled("ThrottlingException"), "arn:1", Clock()).claim(KEY)
    with pytest.raises(InvalidRequestError, match="set NDR_LEDGER_TABLE to the stack's output LedgerTableName"):
        leases(Throttled("ResourceNotFoundException"), "arn:1", Clock()).claim(KEY)


def test_the_reason_of_a_failure_is_cut_to_1024_characters(table: Any) -> None:
    first = leases(table, "arn:1", Clock())

    def fail() -> None:
        with first.kept():
            first.claim(KEY)
            raise ValueError("x" * 2000)

    with pytest.raises(ValueError, match="xxx"):
        fail()
    assert len(item(table)["reason"]) == 1024


def test_the_renewing_thread_does_not_keep_a_process_alive(table: Any) -> None:
    with leases(table, "arn:1", Clock()).kept():
        (renewing,) = [thread for thread in threading.enumerate() if thread.name == "leases"]
        assert renewing.daemon
    assert not renewing.is_alive()


def test_a_holder_is_read_consistently(table: Any) -> None:
    requests: list[dict[str, Any]] = []

    class Watched:
        """The ledger, which notes what is read of it."""

        def update_item(self, **request: Any) -> Any:
            return table.update_item(**request)

        def get_item(self, **request: Any) -> Any:
            requests.append(request)
            return table.get_item(**request)

    clock = Clock()
    leases(table, "arn:1", clock).claim(KEY)
    assert leases(Watched(), "arn:2", clock).claim(KEY) is not None
    assert [request["ConsistentRead"] for request in requests] == [True]


def test_the_item_of_a_slice_expires_long_after_it_was_claimed_and_that_of_a_baseline_never(table: Any) -> None:
    clock = Clock()
    lease = leases(table, "arn:1", clock)
    lease.claim(KEY)
    lease.record(KEY, {"status": "completed"})
    assert EXPIRES_AT not in item(table)
    key = RUN.lease_key("deltas", Interval(START, START + DAY / 96))
    lease.claim(key)
    lease.record(key, {"status": "completed"})
    clock.move(DAY)
    lease.claim(key)
    found = table.get_item(Key={"series": key.series, "as_of": key.as_of})["Item"]
    assert found[EXPIRES_AT] == int((clock.now + KEPT).timestamp())
    assert KEPT > 31 * DAY
