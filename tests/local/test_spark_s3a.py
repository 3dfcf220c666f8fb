"""Spark reads and writes s3:// of the account through s3a, with hadoop-aws of its own Hadoop version."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs
from tests.spark_jars import SPARK_JOBS, fetched

from ministack_sagemaker.lifecycle import Account
from ndr.contract.time import EPOCH

SCRIPT = Path(__file__).with_name("s3a_round_trip.py")
TABLE = pa.table(
    {
        "host_ip": ["10.0.0.1", "2001:db8::1", "10.0.0.2"],
        "slice_start": pa.array(
            [EPOCH, EPOCH + timedelta(microseconds=1), datetime(2026, 3, 29, 1, 59, 59, 999_999, EPOCH.tzinfo)],
            pa.timestamp("us", "UTC"),
        ),
        "sessions_cnt": pa.array([1, 2**53 + 1, None], pa.int64()),
    }
)


@pytest.fixture(scope="module")
def jars() -> list[Path]:
    return fetched(SPARK_JOBS / "jars.lock", "hadoop-aws")


def test_hadoop_aws_is_of_the_hadoop_that_pyspark_brings(jars: list[Path]) -> None:
    import pyspark

    (client,) = (Path(pyspark.__file__).parent / "jars").glob("hadoop-client-api-*.jar")
    assert client.name.replace("client-api", "aws") in [jar.name for jar in jars]


def test_spark_reads_and_writes_s3(jars: list[Path], account: Account) -> None:
    account.client("s3").create_bucket(Bucket="spark-s3a")
    system = fs.S3FileSystem(
        access_key=account.account_id,
        secret_key="test",
        region=account.region,
        endpoint_override=account.endpoint_url.removeprefix("http://"),
        scheme="http",
    )
    pq.write_table(TABLE, "spark-s3a/in/rows.parquet", filesystem=system)

    ended = subprocess.run(
        [sys.executable, str(SCRIPT), "s3://spark-s3a/in/", "s3://spark-s3a/out/"],
        env=os.environ
        | account.environment()
        | {
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYSPARK_SUBMIT_ARGS": f"--jars {','.join(map(str, jars))} pyspark-shell",
            "SPARK_DRIVER_MEMORY": "1g",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr[-3000:]
    keys = [item["Key"] for item in account.client("s3").list_objects_v2(Bucket="spark-s3a", Prefix="out/")["Contents"]]
    assert "out/_SUCCESS" in keys
    written = pa.concat_tables(
        [pq.read_table(f"spark-s3a/{key}", filesystem=system) for key in keys if key.endswith(".parquet")]
    )
    assert written["host_ip"].to_pylist() == TABLE["host_ip"].to_pylist()
    assert written["slice_start"].equals(TABLE["slice_start"])
    assert written["sessions_cnt"].to_pylist() == [2, 2**54 + 2, None]
