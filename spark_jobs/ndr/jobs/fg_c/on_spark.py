"""Scores of hosts on Spark: FG-A rows and the hosts' baselines by host; those of segments go to every part.

The parts look at their hosts twice: first to count which are unusual at once, then to score them with the discounts
that follow from the counts of all parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import FG_B_IP_METADATA, FG_B_PROFILE, FG_C_HOSTS, FG_C_SCORES, fg_b_host
from ndr.contract.time import SLICE_MICROSECONDS
from ndr.jobs.fg_c.baseline_hosts import BASELINE_HOST, addresses_of
from ndr.jobs.fg_c.discounts import Discounts, with_discounts
from ndr.jobs.fg_c.host_counts import added_up, counts_schema
from ndr.jobs.fg_c.inputs import METADATA_COLUMNS, cold_hosts
from ndr.jobs.fg_c.judges import HorizonBaseline
from ndr.jobs.fg_c.parts import Scores, ScoringRules, together
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.jobs.fg_c.task import ScoringTask
from ndr.spark.messages import Inputs
from ndr.spark.parts import part_count, parts_by_text
from ndr.spark.scan_tasks import FileShare, file_shares, in_tasks, tables_of
from ndr.spark.stages import Cut, Output, build, collected, read_messages, recut, shuffled, transformed
from ndr.store.asked import read_schema
from ndr.store.catalog import Piece
from ndr.store.publish import FILE_ROWS, PartitionWriter
from ndr.store.scan import Scan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_FEATURES: Final = "fg_a"
_COUNTS: Final = "counts"


def write_on_spark(spark: SparkSession, task: ScoringTask, writer: PartitionWriter) -> None:
    """Score the interval of a task, a file of each table for each part of the hosts."""
    inputs, rules, bands, calibration = task.inputs, task.rules, task.bands, task.calibration
    features = inputs.feature_scan(task.interval)
    host, metadata, profile = fg_b_host(inputs.metrics), FG_B_IP_METADATA, FG_B_PROFILE
    columns = inputs.host_columns()
    shares = file_shares(_FEATURES, features)
    segments, with_hosts = {}, {}
    for horizon, partition in task.valid.items():
        piece = Piece(partition, partition.manifest.interval)
        shares += file_shares(f"host {horizon}", Scan(host, (piece,), columns))
        shares += file_shares(f"metadata {horizon}", Scan(metadata, (piece,), METADATA_COLUMNS))
        shares += file_shares(f"profile {horizon}", Scan(profile, (piece,), tuple(profile.column_names)))
        segments[horizon] = (partition.manifest.end, inputs.read_segments(partition))
        with_hosts[horizon] = task.hosts_of(partition)
    parts = part_count(spark, sum(share.rows for share in shares))

    def read(shares_of_task: list[FileShare]) -> Iterator[Cut]:
        for name, rows in tables_of(shares_of_task):
            # A baseline goes to the part that has the address of the host that it judges.
            kept = task.features(rows) if name == _FEATURES else with_hosts[name.split()[-1]](rows)
            yield name, kept, parts_by_text(addresses_of(kept["host_ip"]), parts)

    schema = read_schema(features.dataset, features.columns)
    if task.machines:
        schema = schema.append(pa.field(BASELINE_HOST, pa.string()))

    def scores_of(received: Inputs) -> Scores:
        rows = FeatureRows.of(received.table(_FEATURES, schema))
        baselines = [
            HorizonBaseline(
                horizon,
                end,
                received.table(f"host {horizon}", read_schema(host, columns)),
                segment,
                cold_hosts(received.table(f"metadata {horizon}", read_schema(metadata, METADATA_COLUMNS))),
                received.table(f"profile {horizon}", read_schema(profile, profile.column_names)),
            )
            for horizon, (end, segment) in segments.items()
        ]
        return Scores(rows, baselines, rules, task.stayed)

    messages = shuffled(read_messages(spark, in_tasks(spark, shares), read), parts).persist()
    try:
        discounts = _discounts(messages, scores_of, rules, parts)

        def make(received: Inputs) -> Iterator[Output]:
            tables = together(scores_of(received).tables(bands, calibration, discounts), FILE_ROWS)
            for number, (scores, hosts) in enumerate(tables):
                yield writer, FG_C_SCORES, str(number), scores
                yield writer, FG_C_HOSTS, str(number), hosts

        build(messages, make).add_to(writer, FG_C_SCORES, FG_C_HOSTS)
    finally:
        messages.unpersist()


def _discounts(
    messages: DataFrame, scores_of: Callable[[Inputs], Scores], rules: ScoringRules, parts: int
) -> Discounts:
    """Count the hosts of all parts, each group of them in one part, and return the discounts of those that have one."""
    metrics, discount = rules.metrics, rules.spec.discount

    def count(received: Inputs) -> Iterator[Cut]:
        scores = scores_of(received)
        counts = scores.counts(set(scores.segments))
        yield _COUNTS, counts, (counts["window_end"].to_numpy() // SLICE_MICROSECONDS % parts).astype(np.int32)

    def add(received: Inputs) -> Iterator[tuple[str, pa.Table]]:
        counts = added_up(received.table(_COUNTS, counts_schema(metrics)))
        yield _COUNTS, with_discounts(counts, metrics, discount)

    counts = collected(transformed(shuffled(recut(messages, count), parts), add), _COUNTS)
    return Discounts.of(pa.concat_tables([counts_schema(metrics).empty_table(), *counts]), metrics, discount)
