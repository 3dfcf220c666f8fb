"""Writes a count to the stack's table."""

import os

import boto3
from counting.rows import count


def handler(event: dict, context: object) -> dict:
    counted = count(event["rows"])
    item = {"id": {"S": os.environ["PROJECT"]}, "rows": {"N": str(counted)}}
    boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item=item)
    return {"counted": counted}
