"""A ledger table for jobs that run in this process."""

from __future__ import annotations

from typing import Any

import boto3


def create_ledger(name: str) -> Any:
    """Create the ledger as the template does; boto3 finds it in moto or in an account, as it is set up."""
    keys = ("series", "as_of")
    return boto3.resource("dynamodb", region_name="us-east-1").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)],
    )
