"""FG-B on Spark: statistics by (segment, role, time band, window), pairs by destination, machines by host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ndr.jobs.fg_b.order import BaselineOrder
from ndr.jobs.fg_b.pairs_on_spark import write_pairs
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.fg_b.statistics_on_spark import write_statistics
from ndr.store.publish import PartitionWriter
from ndr.store.scan import Scan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def write_baselines(
    spark: SparkSession, specs: BaselineSpecs, orders: Sequence[BaselineOrder], fg_a: Scan, pair_counts: Scan
) -> list[PartitionWriter]:
    """Write the five tables of each ordered baseline, reading the rows once for all of them.

    Parameters
    ----------
    fg_a : Scan
        TEXT_COLUMNS, window_end and the metrics, over all ordered windows.
    pair_counts : Scan
        PAIR_COLUMNS, over all ordered windows.

    Returns
    -------
    list of PartitionWriter
        Of the orders, ready to be committed.
    """
    windows = [order.window for order in orders]
    writers = [order.writer for order in orders]
    machines = [order.machines for order in orders]
    rules = specs.statistics_rules
    write_statistics(spark, rules, specs.non_persistent_prefixes, windows, machines, fg_a, writers)
    write_pairs(spark, specs.pair_rules, windows, pair_counts, writers)
    return writers
