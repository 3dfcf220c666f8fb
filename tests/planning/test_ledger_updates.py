"""Updates of the ledger by the hundred: each keeps its condition, as if it were written alone."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from tests.jobs.ledger_table import table

from ndr.contract.ledger import LedgerStatus, ledger_item, ledger_key
from ndr.contract.ledger_updates import TRANSACTION, apply_updates, insufficient_update, stale_update
from ndr.contract.time import DAY, format_instant, parse_instant

__all__ = ["table"]  # a fixture
FIRST = parse_instant("2026-01-01")
NOW = parse_instant("2026-12-31")
LATER, EARLIER = format_instant(NOW + timedelta(minutes=15)), format_instant(NOW - timedelta(minutes=15))


def key(number: int) -> dict[str, str]:
    return ledger_key("ndr-prod", "v1", "fg_b", "7d", FIRST + number * DAY)


def put(table: Any, number: int, status: LedgerStatus, **facts: Any) -> None:
    table.put_item(Item=ledger_item(key(number), status, **facts))


def items(table: Any) -> dict[str, dict[str, Any]]:
    return {item["as_of"]: item for item in table.scan()["Items"]}


def counted(table: Any) -> Counter[str]:
    requests: Counter[str] = Counter()
    table.meta.client.meta.events.register("before-call.dynamodb", lambda model, **_: requests.update([model.name]))
    return requests


def test_a_note_leaves_completed_and_leased_items_and_writes_all_others(table: Any) -> None:
    held = {"lease_id": "l", "holder": "another"}
    put(table, 1, "completed")
    put(table, 2, "running", lease_until=LATER, **held)
    put(table, 3, "running", lease_until=EARLIER, **held)
    put(table, 4, "failed", reason="disk full")
    put(table, 230, "completed")
    requests = counted(table)
    apply_updates(table, [insufficient_update(key(number), f"why {number}", NOW) for number in range(240)])
    assert requests == {"TransactWriteItems": 5}  # three hundreds, and two of them again without what was refused
    found = items(table)
    assert len(found) == 240
    left = {number: found[key(number)["as_of"]] for number in (1, 2, 230)}
    assert [item["status"] for item in left.values()] == ["completed", "running", "completed"]
    assert left[2]["holder"] == "another"
    for number in set(range(240)) - set(left):
        assert found[key(number)["as_of"]] == {
            **key(number),
            "status": "insufficient_history",
            "reason": f"why {number}",
            "updated_at": format_instant(NOW),
        }


def test_a_mark_is_for_items_that_there_are(table: Any) -> None:
    for number in (0, 2):
        put(table, number, "completed")
    apply_updates(table, [stale_update(key(number), NOW) for number in range(4)])
    assert {at: item["stale_since"] for at, item in items(table).items()} == {
        key(number)["as_of"]: format_instant(NOW) for number in (0, 2)
    }


def test_all_refused_and_nothing_to_do_end(table: Any) -> None:
    requests = counted(table)
    apply_updates(table, [])
    assert not requests
    apply_updates(table, [stale_update(key(number), NOW) for number in range(TRANSACTION + 1)])
    assert requests == {"TransactWriteItems": 2}
    assert items(table) == {}


def test_items_that_are_in_another_transaction_are_written_one_by_one(table: Any) -> None:
    put(table, 0, "completed")
    put(table, 1, "completed")
    client = table.meta.client
    conflict = [{"Code": "TransactionConflict"}, {"Code": "None"}, {"Code": "ConditionalCheckFailed"}]
    with Stubber(client) as stubber:
        for reasons in (conflict, conflict[:2]):
            stubber.add_client_error(
                "transact_write_items",
                "TransactionCanceledException",
                expected_params={"TransactItems": [ANY] * len(reasons)},
                modeled_fields={"CancellationReasons": reasons},
                response_meta=None,
            )
        for number in (0, 1):
            stubber.add_response("update_item", {}, {"TableName": "ledger", **stale_update(key(number), NOW).request()})
        apply_updates(table, [stale_update(key(number), NOW) for number in range(3)])
        stubber.assert_no_pending_responses()


def test_another_error_is_raised(table: Any) -> None:
    with Stubber(table.meta.client) as stubber:
        stubber.add_client_error("transact_write_items", "AccessDeniedException")
        with pytest.raises(ClientError, match="AccessDenied"):
            apply_updates(table, [stale_update(key(0), NOW)])


@pytest.mark.parametrize(
    ("code", "raises"), [("ConditionalCheckFailedException", False), ("AccessDeniedException", True)]
)
def test_of_items_written_one_by_one_only_a_refused_condition_is_left_out(table: Any, code: str, raises: bool) -> None:
    with Stubber(table.meta.client) as stubber:
        stubber.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields={"CancellationReasons": [{"Code": "TransactionConflict"}]},
        )
        stubber.add_client_error("update_item", code)
        with pytest.raises(ClientError, match=code) if raises else nullcontext():
            apply_updates(table, [stale_update(key(0), NOW)])
        stubber.assert_no_pending_responses()
