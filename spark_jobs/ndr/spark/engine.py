"""The engine that a job runs on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

from ndr.contract.jobspecs.delta_builder import Engine
from ndr.spark.cluster import cluster
from ndr.spark.instances import Instances
from ndr.spark.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Jobs that run on either engine. The inventory job runs one SQL statement on Redshift and needs neither.
SPARK_JOBS: Final = ("delta_builder", "fg_a_builder", "pair_counts_builder", "fg_b_builder", "fg_c_builder")


def chosen_engine(asked: Engine, instances: Instances) -> Literal["local", "spark"]:
    """Return the engine that a JobSpec asks for; `auto` is local on one instance and spark on several."""
    if asked == "auto":
        return "spark" if len(instances.names) > 1 else "local"
    return asked


@contextmanager
def spark_on(instances: Instances) -> Iterator[SparkSession]:
    """Open Spark on the first instance: over all instances, or on the cores of this one when it is the only one.

    Raises
    ------
    InvalidRequestError
        Java or PySpark is absent.
    ClusterError
        No worker registered in time.
    """
    if len(instances.names) > 1:
        with cluster(instances) as session:
            yield session
        return
    session = open_session("local[*]", "127.0.0.1")
    try:
        yield session
    finally:
        session.stop()
