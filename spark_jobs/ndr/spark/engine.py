"""Which engine a job runs on, and Spark opened for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

from ndr.contract.jobspecs.delta_builder import Engine
from ndr.spark.cluster import cluster
from ndr.spark.instances import Hosts
from ndr.spark.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Jobs that run on either engine; a job of one SQL statement has no use for it.
SPARK_JOBS: Final = ("delta_builder", "fg_a_builder", "pair_counts_builder", "fg_b_builder")


def chosen_engine(asked: Engine, hosts: Hosts) -> Literal["local", "spark"]:
    """Return the engine that a JobSpec asks for; `auto` is local on one host and spark on several."""
    if asked == "auto":
        return "spark" if len(hosts.names) > 1 else "local"
    return asked


@contextmanager
def spark_on(hosts: Hosts) -> Iterator[SparkSession]:
    """Open Spark on the first host: over all hosts, or on the cores of this machine when it is the only one.

    Raises
    ------
    InvalidRequestError
        Java or PySpark is absent.
    ClusterError
        No worker came in time.
    """
    if len(hosts.names) > 1:
        with cluster(hosts) as session:
            yield session
        return
    session = open_session("local[*]", "127.0.0.1")
    try:
        yield session
    finally:
        session.stop()
