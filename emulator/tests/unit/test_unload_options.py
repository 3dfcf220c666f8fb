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
        "SELECT 1", "s3://bucket/prefix_", "arn:role", parquet=True
    )


def test_everything_in_any_case_and_order() -> None:
    sql = (
        "unload($$select 'a' -- $1\n$$)\nto 's3://b/p' iam_role default\n"
        "parallel off allowoverwrite region 'eu' kms_key_id '1234abcd' encrypted parquet"
    )
    assert parse_unload(sql) == Unload(
        query="select 'a' -- $1\n",
        target="s3://b/p",
        iam_role="default",
        parquet=True,
        parallel=False,
        allow_overwrite=True,
        encrypted=True,
        kms_key_id="1234abcd",
        region="eu",
    )


@given(st.text(st.characters(codec="ascii", exclude_categories=["C"])))
def test_quoted_query_comes_back(query: str) -> None:
    quoted = query.replace("\\", "\\\\").replace("'", "''")
    sql = f"UNLOAD ('{quoted}') TO 's3://b/p' IAM_ROLE default PARQUET"
    assert parse_unload(sql).query == query


@given(st.permutations(["FORMAT PARQUET", "PARALLEL OFF", "ALLOWOVERWRITE", "REGION 'eu'"]))
def test_options_come_in_any_order(options: list[str]) -> None:
    parsed = parse_unload(f"{HEAD} {' '.join(options)}")
    assert (parsed.parquet, parsed.parallel, parsed.allow_overwrite) == (True, False, True)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UNLOAD 'SELECT 1' TO 's3://b/p' IAM_ROLE default PARQUET", r"\( is expected"),
        ("UNLOAD ('SELECT 1') TO s3 IAM_ROLE default PARQUET", "the S3 location is expected in quotes"),
        ("UNLOAD ('SELECT 1') TO 's3://b/p' PARQUET", "IAM_ROLE is expected"),
        ("UNLOAD ('SELECT 1') TO '/tmp/p' IAM_ROLE default PARQUET", "must begin with s3://"),
        (f"{HEAD} CSV HEADER", 'at or near "CSV" in the options of UNLOAD; this emulator supports FORMAT PARQUET'),
        (f"{HEAD} PARQUET ENCRYPTED", "ENCRYPTED and KMS_KEY_ID together"),
        (f"{HEAD} PARQUET KMS_KEY_ID '1234abcd'", "ENCRYPTED and KMS_KEY_ID together"),
        (f"{HEAD} PARQUET MAXFILESIZE 5 MB", 'at or near "MAXFILESIZE"'),
    ],
)
def test_errors(sql: str, message: str) -> None:
    with pytest.raises(StatementFailedError, match=message):
        parse_unload(sql)
