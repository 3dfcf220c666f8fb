"""Execution of UNLOAD: the rows of a query become Parquet files in S3."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError
from sqlglot import exp

from ministack_sagemaker.redshift_data.dialect import parameter_names, parse, to_duckdb
from ministack_sagemaker.redshift_data.failure import StatementFailedError
from ministack_sagemaker.redshift_data.unload_options import Unload

SLICES = 2
_NOT_EMPTY = (
    "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing "
    "the target files in S3, or using the ALLOWOVERWRITE option."
)
_OTHER_REGION = (
    "S3ServiceException:The S3 bucket addressed by the query is in a different region from this cluster.,"
    "Status 301,Error PermanentRedirect"
)


def run_unload(session: duckdb.DuckDBPyConnection, s3: Any, unload: Unload) -> int:
    """Execute an UNLOAD.

    Parameters
    ----------
    session
        The session that runs the query.
    s3
        A boto3 S3 client.
    unload
        The statement.

    Returns
    -------
    int
        Number of rows unloaded.

    Raises
    ------
    StatementFailedError
        The query fails, the destination is not empty and ALLOWOVERWRITE is not given, or the bucket is in another
        region than Redshift's, or REGION's.
    """
    rows = session.sql(_inner_query(unload)).to_arrow_table()
    bucket, _, prefix = unload.target.removeprefix("s3://").partition("/")
    try:
        _check_destination(s3, bucket, prefix, unload)
        for suffix, part in _files(rows, unload):
            s3.put_object(Bucket=bucket, Key=prefix + suffix, Body=_parquet(part), **_encryption(unload))
    except ClientError as error:
        raise StatementFailedError(f"S3ServiceException: {error}") from error
    return int(rows.num_rows)


def _encryption(unload: Unload) -> dict[str, str]:
    if unload.kms_key_id is None:
        return {"ServerSideEncryption": "AES256"}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": unload.kms_key_id}


def _inner_query(unload: Unload) -> str:
    query = parse(unload.query)
    if not isinstance(query, exp.Query):
        raise StatementFailedError("UNLOAD takes a SELECT")
    if query.args.get("limit") is not None:
        raise StatementFailedError("Limit clause is not supported in the outer SELECT of UNLOAD")
    if parameter_names(query):
        # For Redshift the query is a string literal, in which it binds nothing.
        raise StatementFailedError('syntax error at or near ":": UNLOAD takes no parameters inside its query')
    return to_duckdb(query)


def _check_destination(s3: Any, bucket: str, prefix: str, unload: Unload) -> None:
    if _region_of(s3, bucket) != (unload.region or s3.meta.region_name):
        raise StatementFailedError(_OTHER_REGION)
    if not unload.allow_overwrite and s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("Contents"):
        raise StatementFailedError(_NOT_EMPTY)


def _region_of(s3: Any, bucket: str) -> str:
    return s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] or "us-east-1"


def _files(rows: pa.Table, unload: Unload) -> Iterator[tuple[str, pa.Table]]:
    if not unload.parallel:
        yield "000.parquet", rows
        return
    # Every slice holds a share of the rows, and writes a file if it has any.
    share = -(-rows.num_rows // SLICES)
    for index in range(SLICES):
        part = rows.slice(index * share, share)
        if part.num_rows:
            yield f"{index:04d}_part_00.parquet", part


def _parquet(part: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(part, buffer, compression="snappy")
    return buffer.getvalue()
