"""The Redshift Data API: statements in Redshift's dialect, executed."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from ministack_sagemaker.lifecycle import Account

ENDED = ("FINISHED", "FAILED", "ABORTED")
ROLE = "IAM_ROLE 'arn:aws:iam::123456789012:role/RedshiftUnloadRole'"


class Cluster:
    """A cluster and a bucket of its own."""

    def __init__(self, account: Account) -> None:
        self.client = account.client("redshift-data")
        self.s3 = account.client("s3")
        self.where = {"ClusterIdentifier": f"c{uuid.uuid4().hex[:12]}", "Database": "dev"}
        self.bucket = f"unload-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def run(self, sql: str, **more: Any) -> dict[str, Any]:
        return self.ended(self.client.execute_statement(Sql=sql, **self.where, **more)["Id"])

    def ended(self, identifier: str) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while (described := self.client.describe_statement(Id=identifier))["Status"] not in ENDED:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return described

    def rows(self, sql: str, **more: Any) -> list[list[Any]]:
        described = self.run(sql, **more)
        assert described["Status"] == "FINISHED", described
        records = self.client.get_statement_result(Id=described["Id"])["Records"]
        return [[None if "isNull" in field else next(iter(field.values())) for field in row] for row in records]

    def unload(self, query: str, prefix: str, options: str) -> dict[str, Any]:
        return self.run(f"UNLOAD ($${query}$$) TO 's3://{self.bucket}/{prefix}' {ROLE} {options}")

    def keys(self, prefix: str) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return [item["Key"].removeprefix(prefix) for item in listed]

    def body(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def parquet(self, key: str) -> dict[str, list[Any]]:
        return pq.read_table(io.BytesIO(self.body(key))).to_pydict()


@pytest.fixture(scope="module")
def cluster(account: Account) -> Cluster:
    cluster = Cluster(account)
    create = """
        CREATE TABLE public.dim_machine (
            ip_address VARCHAR(45) ENCODE zstd NOT NULL,
            Machine_Name VARCHAR(256),
            is_active BOOLEAN DEFAULT true,
            environment VARCHAR(16) ENCODE lzo,
            seen TIMESTAMP
        ) DISTSTYLE ALL SORTKEY (ip_address)
    """
    assert cluster.run(create)["Status"] == "FINISHED"
    insert = """
        INSERT INTO dim_machine VALUES
            ('10.0.0.1', 'PC-1', true, 'prod', '2025-01-01 10:00:00'),
            ('10.0.0.2', 'VDI-2', true, 'prod', NULL),
            ('10.0.0.3', 'PC-3', false, 'prod', NULL),
            ('10.0.0.4', 'PC-4', true, NULL, NULL)
    """
    inserted = cluster.run(insert)
    assert (inserted["Status"], inserted["ResultRows"], inserted["HasResultSet"]) == ("FINISHED", 4, False)
    return cluster


def test_results_have_redshifts_types(cluster: Cluster) -> None:
    described = cluster.run(
        "SELECT 1 AS N, 'a'::varchar AS t, 1.5::decimal(5,2) AS d, 2.5::float8 AS f, true AS b, NULL AS nothing"
    )
    assert described["HasResultSet"]
    assert described["ResultRows"] == 1
    assert described["RedshiftQueryId"] > 0
    assert described["Duration"] > 0
    result = cluster.client.get_statement_result(Id=described["Id"])
    assert result["TotalNumRows"] == 1
    assert result["Records"] == [
        [
            {"longValue": 1},
            {"stringValue": "a"},
            {"stringValue": "1.50"},
            {"doubleValue": 2.5},
            {"booleanValue": True},
            {"isNull": True},
        ]
    ]
    columns = [(column["name"], column["typeName"]) for column in result["ColumnMetadata"]]
    assert columns[:5] == [("n", "int4"), ("t", "varchar"), ("d", "numeric"), ("f", "float8"), ("b", "bool")]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT LISTAGG(machine_name, ',') WITHIN GROUP (ORDER BY ip_address) FROM dim_machine",
            "PC-1,VDI-2,PC-3,PC-4",
        ),
        ("SELECT TOP 1 NVL(environment, 'none') FROM dim_machine ORDER BY ip_address DESC", "none"),
        ("SELECT DATEADD(month, 1, '2025-01-31'::date)::date::varchar", "2025-02-28"),
        ("SELECT DATEDIFF(day, '2025-01-01'::date, '2025-02-01'::date)", 31),
        ("SELECT COUNT(*) FROM public.dim_machine WHERE is_active = true AND (environment = 'prod')", 2),
        ("SELECT SPLIT_PART(machine_name, '-', 2) FROM dim_machine WHERE ip_address = '10.0.0.2'", "2"),
    ],
)
def test_dialect(cluster: Cluster, sql: str, expected: Any) -> None:
    assert cluster.rows(sql) == [[expected]]


def test_parameters_are_values(cluster: Cluster) -> None:
    sql = "SELECT machine_name FROM dim_machine WHERE ip_address = :ip AND ':ip' <> :ip"
    parameters = [{"name": "ip", "value": "10.0.0.1"}]
    assert cluster.rows(sql, Parameters=parameters) == [["PC-1"]]
    injected = [{"name": "ip", "value": "x' OR 'a' = 'a"}]
    assert cluster.rows(sql, Parameters=injected) == []


def test_parameters_take_the_type_of_their_context(cluster: Cluster) -> None:
    active = [{"name": "active", "value": "false"}, {"name": "after", "value": "2024-12-31"}]
    sql = "SELECT COUNT(*) FROM dim_machine WHERE is_active <> :active AND seen > :after"
    assert cluster.rows(sql, Parameters=active) == [[1]]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [([], "Cannot find parameter: ip"), (["ip", "other"], "Unused parameters: \\[other\\]")],
)
def test_parameters_must_match_the_statement(cluster: Cluster, parameters: list[str], message: str) -> None:
    given = {"Parameters": [{"name": name, "value": "1"} for name in parameters]} if parameters else {}
    with pytest.raises(ClientError, match=message):
        cluster.run("SELECT :ip", **given)


def test_every_statement_is_its_own_session(cluster: Cluster) -> None:
    assert cluster.run("CREATE TEMP TABLE scratch (n INT)")["Status"] == "FINISHED"
    described = cluster.run("SELECT * FROM scratch")
    assert described["Status"] == "FAILED"
    assert "scratch" in described["Error"]


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT 1; SELECT 2", "SELECT * FROM absent", "COPY t FROM 's3://b'"])
def test_errors_are_told(cluster: Cluster, sql: str) -> None:
    described = cluster.run(sql)
    assert described["Status"] == "FAILED"
    assert described["Error"].startswith("ERROR: ")


def test_client_token_is_idempotent(cluster: Cluster) -> None:
    cluster.run("CREATE TABLE once (n INT)")

    def insert(token: str, value: int) -> str:
        sql = f"INSERT INTO once VALUES ({value})"
        return cluster.client.execute_statement(Sql=sql, ClientToken=token, **cluster.where)["Id"]

    token = uuid.uuid4().hex
    first = insert(token, 1)
    cluster.ended(first)
    assert insert(token, 1) == first
    assert cluster.rows("SELECT COUNT(*) FROM once") == [[1]]
    with pytest.raises(ClientError, match="already used"):
        insert(token, 2)


def test_secret_must_exist(cluster: Cluster, account: Account) -> None:
    absent = "arn:aws:secretsmanager:us-east-1:123456789012:secret:absent-AbCdEf"
    with pytest.raises(ClientError, match="can't find the secret") as raised:
        cluster.run("SELECT 1", SecretArn=absent)
    assert raised.value.response["Error"]["Code"] == "ResourceNotFoundException"
    arn = account.client("secretsmanager").create_secret(Name=f"redshift-{uuid.uuid4().hex}", SecretString="{}")["ARN"]
    assert cluster.rows("SELECT 1", SecretArn=arn) == [[1]]


def test_results_come_in_pages(cluster: Cluster) -> None:
    described = cluster.run(
        "SELECT a.n * 60 + b.n FROM (SELECT 1 n UNION ALL SELECT 0) a, generate_series(0, 1199) b(n)"
    )
    pages = cluster.client.get_paginator("get_statement_result").paginate(Id=described["Id"])
    lengths = [len(page["Records"]) for page in pages]
    assert lengths == [1000, 1000, 400]


def test_cancel_ends_a_running_statement(cluster: Cluster) -> None:
    endless = "SELECT COUNT(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b WHERE a <> b"
    identifier = cluster.client.execute_statement(Sql=endless, **cluster.where)["Id"]
    while cluster.client.describe_statement(Id=identifier)["Status"] != "STARTED":
        time.sleep(0.01)
    assert cluster.client.cancel_statement(Id=identifier)["Status"]
    assert cluster.ended(identifier)["Status"] == "ABORTED"
    with pytest.raises(ClientError, match="Could not cancel"):
        cluster.client.cancel_statement(Id=identifier)


def test_unload_writes_a_file_per_slice(cluster: Cluster) -> None:
    described = cluster.unload("SELECT ip_address, Machine_Name FROM dim_machine ORDER BY 1", "on/", "FORMAT PARQUET")
    assert (described["Status"], described["ResultRows"]) == ("FINISHED", 4)
    assert cluster.keys("on/") == ["0000_part_00.parquet", "0001_part_00.parquet"]
    assert cluster.parquet("on/0000_part_00.parquet") == {
        "ip_address": ["10.0.0.1", "10.0.0.2"],
        "machine_name": ["PC-1", "VDI-2"],
    }


def test_unload_of_a_quoted_query_to_one_file(cluster: Cluster) -> None:
    sql = (
        "unload ('select ip_address from dim_machine where environment = ''prod'' and machine_name like \\'PC%\\'"
        f" order by 1') to 's3://{cluster.bucket}/off/m_' {ROLE} format as parquet parallel off;"
    )
    assert cluster.run(sql)["Status"] == "FINISHED"
    assert cluster.keys("off/") == ["m_000.parquet"]
    assert cluster.parquet("off/m_000.parquet") == {"ip_address": ["10.0.0.1", "10.0.0.3"]}


def test_unload_refuses_a_destination_that_is_not_empty(cluster: Cluster) -> None:
    query = "SELECT 1 AS n"
    assert cluster.unload(query, "full/", "PARQUET PARALLEL OFF")["Status"] == "FINISHED"
    cluster.s3.put_object(Bucket=cluster.bucket, Key="full/old", Body=b"")
    refused = cluster.unload(query, "full/", "PARQUET PARALLEL OFF")
    assert refused["Status"] == "FAILED"
    assert refused["Error"].startswith("ERROR: Specified unload destination on S3 is not empty.")
    assert cluster.unload(query, "full/", "PARQUET PARALLEL OFF ALLOWOVERWRITE")["Status"] == "FINISHED"
    assert cluster.keys("full/") == ["000.parquet", "old"]


def test_unload_of_no_rows(cluster: Cluster) -> None:
    query = "SELECT ip_address FROM dim_machine WHERE false"
    assert cluster.unload(query, "none/", "FORMAT PARQUET")["ResultRows"] == 0
    assert cluster.keys("none/") == []


@pytest.mark.parametrize(
    ("query", "options", "error"),
    [
        ("SELECT :ip", "PARQUET", 'syntax error at or near ":"'),
        ("SELECT 1 LIMIT 1", "PARQUET", "Limit clause is not supported"),
        ("DELETE FROM dim_machine", "PARQUET", "UNLOAD takes a SELECT"),
        ("SELECT 1", "PARQUET SIDEWAYS", 'syntax error at or near "SIDEWAYS"'),
        ("SELECT 1", "PARALLEL OFF", "UNLOAD has no FORMAT PARQUET"),
        ("SELECT 1", "FORMAT CSV", 'syntax error at or near "CSV"'),
    ],
)
def test_unload_errors(cluster: Cluster, query: str, options: str, error: str) -> None:
    described = cluster.unload(query, "errors/", options)
    assert described["Status"] == "FAILED"
    assert error in described["Error"]
    assert cluster.keys("errors/") == []


@pytest.mark.parametrize(
    ("options", "algorithm", "key"),
    [("PARQUET", "AES256", None), ("PARQUET KMS_KEY_ID '1234abcd' ENCRYPTED", "aws:kms", "1234abcd")],
)
def test_unload_asks_for_the_encryption_it_is_told_whatever_the_buckets_default(
    cluster: Cluster, options: str, algorithm: str, key: str | None
) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "arn:aws:kms:us-east-1:123456789012:key/default"}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    cluster.s3.put_bucket_encryption(Bucket=cluster.bucket, ServerSideEncryptionConfiguration=rules)
    assert cluster.unload("SELECT 1 AS n", f"encrypted-{algorithm}/", options)["Status"] == "FINISHED"
    cluster.s3.delete_bucket_encryption(Bucket=cluster.bucket)
    (name,) = cluster.keys(f"encrypted-{algorithm}/")
    head = cluster.s3.head_object(Bucket=cluster.bucket, Key=f"encrypted-{algorithm}/{name}")
    assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == (algorithm, key)


def test_unload_takes_no_parameters(cluster: Cluster) -> None:
    sql = f"UNLOAD ('SELECT :ip') TO 's3://{cluster.bucket}/p/' {ROLE} PARQUET"
    with pytest.raises(ClientError, match="Unused parameters: \\[ip\\]"):
        cluster.run(sql, Parameters=[{"name": "ip", "value": "1"}])


def test_a_statement_reaches_another_database_of_the_cluster_by_three_names(cluster: Cluster) -> None:
    share = {**cluster.where, "Database": "assets-share"}
    create = cluster.client.execute_statement(Sql="CREATE TABLE public.dim_machine AS SELECT '10.9.0.1' AS ip", **share)
    assert cluster.ended(create["Id"])["Status"] == "FINISHED"
    assert cluster.rows('SELECT ip FROM "assets-share"."public"."dim_machine"') == [["10.9.0.1"]]
    cluster.unload('SELECT ip FROM "assets-share"."public"."dim_machine"', "shared/", "FORMAT AS PARQUET PARALLEL OFF")
    assert cluster.parquet("shared/000.parquet") == {"ip": ["10.9.0.1"]}
    missing = cluster.run("SELECT ip FROM no_share.public.dim_machine")
    assert (missing["Status"], "no_share" in missing["Error"]) == ("FAILED", True)
