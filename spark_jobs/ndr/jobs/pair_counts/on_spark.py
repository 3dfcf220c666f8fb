"""Pair counts on Spark: peer deltas by source host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from ndr.contract.datasets import OUTBOUND, PAIR_COUNTS, PEER_DELTAS
from ndr.jobs.pair_counts.kernel import build_pair_counts
from ndr.spark.messages import Inputs
from ndr.spark.parts import part_count, parts_by_text
from ndr.spark.scan_tasks import FileShare, file_shares, in_tasks, tables_of
from ndr.spark.stages import Cut, Output, build, read_messages, shuffled
from ndr.store.publish import PartitionWriter
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def write_pair_counts(spark: SparkSession, scan: Scan, writer: PartitionWriter) -> None:
    """Write the pair counts of the scanned peer deltas, a file for each part of the source hosts."""
    shares = file_shares(PEER_DELTAS.name, scan)
    parts = part_count(spark, sum(share.rows for share in shares))

    def read(task: list[FileShare]) -> Iterator[Cut]:
        for name, rows in tables_of(task):
            outbound = rows.filter(pc.equal(rows["role"], OUTBOUND))
            yield name, outbound, parts_by_text(outbound["host_ip"], parts)

    def make(inputs: Inputs) -> Iterator[Output]:
        rows = inputs.table(PEER_DELTAS.name, arrow_schema(PEER_DELTAS))
        yield writer, PAIR_COUNTS, "", build_pair_counts(rows)

    messages = shuffled(read_messages(spark, in_tasks(spark, shares), read), parts)
    build(messages, make).add_to(writer, PAIR_COUNTS)
