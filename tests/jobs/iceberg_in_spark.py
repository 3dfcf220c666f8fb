"""Read Iceberg tables by their metadata with Spark, to Parquet: iceberg_in_spark.py FOLDER NAME=METADATA ...

Run by an environment of its own: Iceberg's releases are for one minor version of Spark each.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.parquet as pq
from pyspark.sql import SparkSession


def main() -> None:
    """Read each table, and write its rows as Arrow has them."""
    folder, *tables = sys.argv[1:]
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    for name, location in (each.split("=", 1) for each in tables):
        pq.write_table(session.read.format("iceberg").load(location).toArrow(), Path(folder) / f"{name}.parquet")


if __name__ == "__main__":
    main()
