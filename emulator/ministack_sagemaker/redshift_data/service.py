"""The operations of the Redshift Data API."""

from __future__ import annotations

from ministack_sagemaker import aws_json
from ministack_sagemaker.redshift_data import operations

OPERATIONS: dict[str, aws_json.Operation] = {
    "ExecuteStatement": operations.execute_statement,
    "DescribeStatement": operations.describe_statement,
    "GetStatementResult": operations.get_statement_result,
    "CancelStatement": operations.cancel_statement,
}

handle = aws_json.handler("redshift-data", OPERATIONS)
