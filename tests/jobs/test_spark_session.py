"""The session: what its Python workers are."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_workers_are_the_drivers_python_with_its_packages(spark: SparkSession) -> None:
    def who_am_i(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import ndr.store.publish

        for _ in batches:
            yield pa.record_batch([[sys.executable], [ndr.store.publish.__file__]], ["python", "module"])

    import ndr.store.publish

    (row,) = spark.range(1, numPartitions=1).mapInArrow(who_am_i, "python string, module string").collect()
    assert (row["python"], row["module"]) == (sys.executable, ndr.store.publish.__file__)
