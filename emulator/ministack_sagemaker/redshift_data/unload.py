"""UNLOAD executed: the rows of a query as files in S3."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from botocore.exceptions import ClientError
from sqlglot import exp

from ministack_sagemaker.redshift_data.dialect import parameter_names, parse, to_duckdb
from ministack_sagemaker.redshift_data.failure import StatementFailedError
from ministack_sagemaker.redshift_data.unload_options import Unload

SLICES = 2
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_NOT_EMPTY = (
    "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing "
    "the target files in S3, or using the ALLOWOVERWRITE option."
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
        What to unload, where to, how.

    Returns
    -------
    int
        Number of rows unloaded.

    Raises
    ------
    StatementFailedError
        The query fails, or the destination is not empty and neither ALLOWOVERWRITE nor CLEANPATH is given.
    """
    rows = session.sql(_inner_query(unload)).to_arrow_table()
    bucket, _, prefix = unload.target.removeprefix("s3://").partition("/")
    try:
        _prepare_destination(s3, bucket, prefix, unload)
        entries = []
        for suffix, part in _files(rows, unload):
            body = _encode(part, unload)
            s3.put_object(Bucket=bucket, Key=prefix + suffix, Body=body, **_encryption(unload))
            entries.append((f"s3://{bucket}/{prefix}{suffix}", len(body), part.num_rows))
        if unload.manifest:
            manifest = _manifest(entries, rows.schema, unload)
            s3.put_object(Bucket=bucket, Key=f"{prefix}manifest", Body=manifest, **_encryption(unload))
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
        # The query is a string literal to Redshift, which therefore binds nothing in it.
        raise StatementFailedError('syntax error at or near ":": UNLOAD takes no parameters inside its query')
    return to_duckdb(query)


def _prepare_destination(s3: Any, bucket: str, prefix: str, unload: Unload) -> None:
    if unload.allow_overwrite:
        return
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [item["Key"] for listing in pages for item in listing.get("Contents", [])]
    if found and not unload.clean_path:
        raise StatementFailedError(_NOT_EMPTY)
    for key in found:
        s3.delete_object(Bucket=bucket, Key=key)


def _files(rows: pa.Table, unload: Unload) -> Iterator[tuple[str, pa.Table]]:
    extension = ".parquet" if unload.file_format == "PARQUET" else ".csv"
    for folder, part in _partitions(rows, unload):
        if not unload.parallel:
            yield f"{folder}000{extension}", part
            continue
        # Every slice holds a share of the rows and writes a file if it has any.
        share = -(-part.num_rows // SLICES)
        for index in range(SLICES):
            piece = part.slice(index * share, share)
            if piece.num_rows:
                yield f"{folder}{index:04d}_part_00{extension}", piece


def _partitions(rows: pa.Table, unload: Unload) -> Iterator[tuple[str, pa.Table]]:
    columns = list(unload.partition_by)
    if not columns:
        yield "", rows
        return
    missing = [column for column in columns if column not in rows.column_names]
    if missing:
        raise StatementFailedError(f'column "{missing[0]}" of PARTITION BY is not in the query')
    kept = rows if unload.include_partition_columns else rows.drop_columns(columns)
    for key in rows.select(columns).group_by(columns).aggregate([]).to_pylist():
        mask = None
        for column in columns:
            value = key[column]
            same = pc.is_null(rows[column]) if value is None else pc.equal(rows[column], pa.scalar(value))
            mask = same if mask is None else pc.and_kleene(mask, same)
        folder = "".join(f"{column}={_partition_value(key[column])}/" for column in columns)
        yield folder, kept.filter(mask)


def _partition_value(value: Any) -> str:
    if value is None:
        return _NULL_PARTITION
    return quote(str(value).lower() if isinstance(value, bool) else str(value), safe=" -_.")


def _encode(part: pa.Table, unload: Unload) -> bytes:
    buffer = io.BytesIO()
    if unload.file_format == "PARQUET":
        pq.write_table(part, buffer, compression="snappy")
    else:
        text = io.TextIOWrapper(buffer, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, delimiter=unload.delimiter, lineterminator="\n")
        if unload.header:
            writer.writerow(part.column_names)
        for row in part.to_pylist():
            writer.writerow(_csv_value(value) for value in row.values())
    return buffer.getvalue()


def _csv_value(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    return "" if value is None else str(value)


def _manifest(entries: list[tuple[str, int, int]], schema: pa.Schema, unload: Unload) -> bytes:
    listed = []
    for url, length, records in entries:
        meta = {"content_length": length}
        if unload.manifest_verbose:
            meta["record_count"] = records
        listed.append({"url": url, "meta": meta})
    document: dict[str, Any] = {"entries": listed}
    if unload.manifest_verbose:
        document["schema"] = {"elements": [{"name": field.name, "type": str(field.type)} for field in schema]}
        document["meta"] = {
            "content_length": sum(length for _, length, _ in entries),
            "record_count": sum(records for _, _, records in entries),
        }
    return json.dumps(document).encode()
