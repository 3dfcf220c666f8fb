"""A ledger table, and a clock, for jobs that run in this process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ndr.contract.time import parse_instant


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = parse_instant("2026-02-01")

    def __call__(self) -> datetime:
        return self.now

    def move(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def table() -> Iterator[Any]:
    """The ledger, in moto."""
    with mock_aws():
        yield create_ledger("ledger")


def create_ledger(name: str) -> Any:
    """Create the ledger as the template does; boto3 finds it in moto or in an account, as it is set up."""
    keys = ("series", "as_of")
    return boto3.resource("dynamodb", region_name="us-east-1").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)],
    )
