from __future__ import annotations

import boto3
from moto import mock_aws

from ndr.contract.ledger import ledger_item, ledger_key
from ndr.contract.planning import read_statuses
from ndr.contract.time import DAY, parse_instant

FIRST = parse_instant("2026-01-01")


@mock_aws
def test_a_range_of_a_series_is_read_over_all_pages() -> None:
    table = boto3.resource("dynamodb", region_name="us-east-1").create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("series", "as_of")],
        KeySchema=[
            {"AttributeName": "series", "KeyType": "HASH"},
            {"AttributeName": "as_of", "KeyType": "RANGE"},
        ],
    )
    note = "x" * 300_000  # a page of DynamoDB holds 1 MB, so that these seven items need several
    with table.batch_writer() as batch:
        for number in range(7):
            key = ledger_key("ndr-prod", "v1", "fg_b", "7d", FIRST + number * DAY)
            batch.put_item(Item=ledger_item(key, "completed" if number % 2 else "failed", reason=note))
        other = ledger_key("ndr-prod", "v1", "fg_b", "30d", FIRST + 2 * DAY)
        batch.put_item(Item=ledger_item(other, "running"))
    series = ledger_key("ndr-prod", "v1", "fg_b", "7d", FIRST)["series"]
    assert read_statuses(table, series, FIRST + DAY, FIRST + 5 * DAY) == {
        FIRST + number * DAY: "completed" if number % 2 else "failed" for number in range(1, 6)
    }
    assert read_statuses(table, "nothing", FIRST, FIRST + DAY) == {}
