"""UNLOAD statements, read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ministack_sagemaker.redshift_data.failure import StatementFailedError
from ministack_sagemaker.redshift_data.unload_options import Unload, parse_unload

HEAD = "UNLOAD ('SELECT 1') TO 's3://bucket/prefix_' IAM_ROLE 'arn:role'"


def test_defaults() -> None:
    assert parse_unload(f"{HEAD} FORMAT AS PARQUET;") == Unload(
        "SELECT 1", "s3://bucket/prefix_", "arn:role", file_format="PARQUET"
    )


def test_everything_in_any_case_and_order() -> None:
    sql = (
        "unload($$select 'a' -- $1\n$$)\nto 's3://b/p' iam_role default\n"
        'partition by (A, "B") include manifest verbose parallel off cleanpath header '
        "delimiter as '|' csv region 'eu' kms_key_id '1234abcd' encrypted"
    )
    assert parse_unload(sql) == Unload(
        query="select 'a' -- $1\n",
        target="s3://b/p",
        iam_role="default",
        file_format="CSV",
        parallel=False,
        clean_path=True,
        manifest=True,
        manifest_verbose=True,
        header=True,
        delimiter="|",
        partition_by=("a", "B"),
        include_partition_columns=True,
        encrypted=True,
        kms_key_id="1234abcd",
    )


@given(st.text(st.characters(codec="ascii", exclude_categories=["C"])))
def test_quoted_query_comes_back(query: str) -> None:
    quoted = query.replace("\\", "\\\\").replace("'", "''")
    sql = f"UNLOAD ('{quoted}') TO 's3://b/p' IAM_ROLE default PARQUET"
    assert parse_unload(sql).query == query


@given(st.permutations(["FORMAT PARQUET", "PARALLEL OFF", "ALLOWOVERWRITE", "MANIFEST", "PARTITION BY (a)"]))
def test_options_come_in_any_order(options: list[str]) -> None:
    parsed = parse_unload(f"{HEAD} {' '.join(options)}")
    assert (parsed.file_format, parsed.parallel, parsed.allow_overwrite) == ("PARQUET", False, True)
    assert (parsed.manifest, parsed.partition_by) == (True, ("a",))


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UNLOAD 'SELECT 1' TO 's3://b/p' IAM_ROLE default PARQUET", r"\( is expected"),
        ("UNLOAD ('SELECT 1') TO s3 IAM_ROLE default PARQUET", "the S3 location is expected in quotes"),
        ("UNLOAD ('SELECT 1') TO 's3://b/p' PARQUET", "IAM_ROLE is expected"),
        ("UNLOAD ('SELECT 1') TO '/tmp/p' IAM_ROLE default PARQUET", "must begin with s3://"),
        (f"{HEAD} PARQUET HEADER", "HEADER is not supported"),
        (f"{HEAD} PARQUET PARTITION BY (", "a column name is expected"),
        (f"{HEAD} PARQUET ENCRYPTED", "ENCRYPTED and KMS_KEY_ID together"),
        (f"{HEAD} PARQUET KMS_KEY_ID '1234abcd'", "ENCRYPTED and KMS_KEY_ID together"),
        (f"{HEAD} PARQUET MAXFILESIZE 5 MB", 'at or near "MAXFILESIZE"'),
    ],
)
def test_errors(sql: str, message: str) -> None:
    with pytest.raises(StatementFailedError, match=message):
        parse_unload(sql)
