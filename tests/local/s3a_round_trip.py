"""Spark, with hadoop-aws among its jars, doubles a column of one place in S3 into another."""

from __future__ import annotations

import sys

from ndr.spark.session import open_session


def main(source: str, target: str) -> None:
    spark = open_session("local[1]", "127.0.0.1")
    rows = spark.read.parquet(source)
    rows.selectExpr("host_ip", "slice_start", "sessions_cnt * 2 AS sessions_cnt").write.parquet(target)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
