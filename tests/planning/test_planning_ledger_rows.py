from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from tests.jobs.ledger_table import create_ledger

from ndr.contract.ledger import KEPT, LedgerRow, is_over, ledger_item, ledger_key, row_of
from ndr.contract.time import DAY, parse_instant
from ndr.planner import read_ledger_rows

FIRST = parse_instant("2026-01-01")
NOW = parse_instant("2026-02-01")


@mock_aws
def test_a_range_of_a_series_is_read_over_all_pages() -> None:
    table = create_ledger("ledger")
    note = "x" * 300_000  # a page of DynamoDB holds 1 MB, so that these seven items need several
    with table.batch_writer() as batch:
        for number in range(7):
            key = ledger_key("ndr-prod", "v1", "fg_b", "7d", FIRST + number * DAY)
            batch.put_item(Item=ledger_item(key, "completed" if number % 2 else "failed", reason=note))
        other = ledger_key("ndr-prod", "v1", "fg_b", "30d", FIRST + 2 * DAY)
        batch.put_item(Item=ledger_item(other, "running"))
    series = ledger_key("ndr-prod", "v1", "fg_b", "7d", FIRST)["series"]
    assert read_ledger_rows(table, series, FIRST + DAY, FIRST + 5 * DAY, NOW) == {
        FIRST + number * DAY: LedgerRow("completed") if number % 2 else LedgerRow("failed", reason=note)
        for number in range(1, 6)
    }
    assert read_ledger_rows(table, "nothing", FIRST, FIRST + DAY, NOW) == {}


def test_rows_are_read_consistently_and_a_live_lease_counts_unless_its_holder_is_known_to_have_ended() -> None:
    lease = {"as_of": "2026-01-01T00:00:00Z", "status": "running", "holder": "a", "lease_until": "2026-02-01T00:00:01Z"}

    class Table:
        def query(self, **query: Any) -> Any:
            assert query["ConsistentRead"] is True, "a lease that was just taken must be seen"
            return {"Items": [lease]}

    assert read_ledger_rows(Table(), "s", FIRST, FIRST, NOW)[FIRST].status == "in_progress"
    assert read_ledger_rows(Table(), "s", FIRST, FIRST, NOW, lambda holder: True)[FIRST].status == "abandoned"


def test_a_running_baseline_is_in_progress_while_its_lease_lives_and_its_holder_has_not_ended() -> None:
    item = {"status": "running", "holder": "arn:1", "lease_until": "2026-02-01T00:00:01Z"}
    held = LedgerRow("in_progress", "arn:1", "2026-02-01T00:00:01Z")
    assert row_of(item, NOW) == held
    assert row_of(item, NOW, lambda holder: holder == "arn:2") == held
    assert row_of(item, NOW, lambda holder: holder == "arn:1").status == "abandoned"
    assert row_of({**item, "lease_until": "2026-02-01T00:00:00Z"}, NOW).status == "abandoned"
    assert row_of({"status": "running"}, NOW).status == "abandoned"


def test_a_completed_baseline_is_stale_when_what_it_was_built_from_changed_since_it_was_begun() -> None:
    completed = {"status": "completed", "claimed_at": "2026-01-31T10:00:00Z"}
    assert row_of(completed, NOW).status == "completed"
    assert row_of({**completed, "stale_since": "2026-01-31T09:59:59.123Z"}, NOW).status == "completed"
    assert row_of({**completed, "stale_since": "2026-01-31T10:00:00Z"}, NOW).status == "stale", "in the same second"
    assert row_of({**completed, "stale_since": "2026-01-31T10:00:00.123Z"}, NOW).status == "stale"
    assert row_of({"status": "completed", "stale_since": "2026-01-31T10:00:00Z"}, NOW).status == "stale"


def test_a_holder_has_ended_when_its_pipeline_execution_says_so() -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abcdefghijkl"
    for status, ended in (("Executing", False), ("Stopping", False), ("Failed", True), ("Succeeded", True)):
        sagemaker = boto3.client("sagemaker", region_name="us-east-1")
        with Stubber(sagemaker) as stubber:
            stubber.add_response("describe_pipeline_execution", {"PipelineExecutionStatus": status})
            assert is_over(sagemaker, arn) is ended
            stubber.add_client_error("describe_pipeline_execution", "AccessDeniedException")
            assert is_over(sagemaker, arn) is False
            assert is_over(sagemaker, "a job started by hand") is False


@pytest.mark.parametrize(
    ("item", "finding"),
    [
        ({"status": "running", "holder": "arn:1", "lease_until": "soon"}, "lease_until is 'soon', which is not an ISO"),
        ({"status": "done"}, "status is 'done'; allowed are running, completed, failed, insufficient_history"),
        ({"status": "completed", "claimed_at": 7}, "claimed_at is 7, which is not text"),
        ({"status": "completed", "claimed_at": "2026-01-31T10:00:00Z", "stale_since": "x"}, "which is not an ISO 8601"),
    ],
)
def test_an_item_that_breaks_a_rule_is_named_by_its_key(item: dict[str, Any], finding: str) -> None:
    row = row_of({"series": "p#v1#fg_b#7d", "as_of": "2026-02-01T00:00:00Z", **item}, NOW)
    assert row.status == "unreadable"
    assert str(row.reason).startswith("p#v1#fg_b#7d 2026-02-01T00:00:00Z: ")
    assert finding in str(row.reason)


def test_items_of_slices_are_kept_as_long_as_the_page_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "lambdas.md"
    assert f"items of slices and claims after {KEPT.days} days" in page.read_text()
