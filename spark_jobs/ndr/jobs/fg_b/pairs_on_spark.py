"""Pair baselines on Spark: pair counts by destination.

All sources of a destination are in one part, so that a part can count the hosts that contact a destination. The number
of active hosts, the denominator of the prevalence, is counted first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT, FG_B_PEER_HISTORY, PAIR_COUNTS
from ndr.contract.time import Interval
from ndr.jobs.fg_b.baseline import Baseline, PairRules
from ndr.jobs.fg_b.machine_hosts import MachineHosts
from ndr.jobs.fg_b.pair_rows import PairRows, condense_for
from ndr.jobs.fg_b.pairs import destination_hosts, pair_baselines
from ndr.jobs.fg_b.peer_history import peer_history, with_history
from ndr.jobs.host_identity.host_keys import are_internal
from ndr.jobs.host_identity.pair_hosts import apart, keyed_pairs, one_row_a_slice
from ndr.jobs.monitored import of_pairs
from ndr.spark.messages import Inputs
from ndr.spark.parts import part_count, parts_by_text
from ndr.spark.scan_tasks import FileShare, file_shares, in_tasks, tables_of
from ndr.spark.stages import Cut, Output, build, collected, read_messages, shuffled, transformed
from ndr.store.asked import read_schema
from ndr.store.publish import PartitionWriter, in_key_order
from ndr.store.scan import Scan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ROWS: Final = "rows"
_KEYED: Final = "rows of machines"
_DESTINATIONS: Final = "rows of machines as destinations"
_SOURCES: Final = "sources"


def write_pairs(
    spark: SparkSession,
    rules: PairRules,
    baselines: Sequence[Baseline],
    pair_counts: Scan,
    writers: Sequence[PartitionWriter],
    hosts: MachineHosts | None = None,
) -> None:
    """Write the tables pair_host and pair_segment of each baseline.

    Parameters
    ----------
    hosts : MachineHosts, optional
        Where the hosts are machines: pair_host has theirs, and baselines of the longest horizon have peer_history.
    """
    shares = file_shares(_ROWS, pair_counts)
    parts = part_count(spark, sum(share.rows for share in shares))
    active_hosts = _active_hosts(spark, rules, baselines, pair_counts, parts, hosts)
    condense, networks = condense_for(baselines), rules.networks
    lasting = with_history(baselines) if hosts else []
    schema = read_schema(PAIR_COUNTS, pair_counts.columns)

    def read(task: list[FileShare]) -> Iterator[Cut]:
        for name, table in tables_of(task):
            rows = of_pairs(table, networks)
            yield name, rows, parts_by_text(rows["dst_ip"], parts)
            if hosts:
                keyed = keyed_pairs(hosts.keys, rows, "src_ip", networks)
                yield _KEYED, keyed, parts_by_text(keyed["dst_ip"], parts)
            if hosts and lasting:
                keyed = keyed_pairs(hosts.keys, rows, "dst_ip", networks)
                yield _DESTINATIONS, keyed, parts_by_text(keyed["dst_ip"], parts)

    def make(inputs: Inputs) -> Iterator[Output]:
        by_address = PairRows.of([condense(inputs.table(_ROWS, schema))], baselines)
        by_host = by_address
        if hosts:
            alone, several = apart(hosts.keys, inputs.table(_KEYED, schema))
            by_host = PairRows.of([condense(alone), condense(one_row_a_slice([several]))], baselines)
        by_segment = by_address.by_segment(networks)
        for writer, baseline, active in zip(writers, baselines, active_hosts, strict=True):
            sums, segment_sums = by_host.sums(baseline.interval), by_segment.sums(baseline.interval)
            regularity = by_host.regularity(baseline)
            prevalence = replace(destination_hosts([sums], networks), active_hosts=active)
            pairs = pair_baselines(sums, regularity, segment_sums, prevalence, baseline, rules)
            of_host = pairs.host
            if hosts:
                of_host = in_key_order(hosts.addressed_pairs(of_host, baseline.end, networks), FG_B_PAIR_HOST)
            yield writer, FG_B_PAIR_HOST, "", of_host
            yield writer, FG_B_PAIR_SEGMENT, "", pairs.segment
        if not lasting:
            return
        by_destination = PairRows.of([condense_for(lasting)(inputs.table(_DESTINATIONS, schema))], lasting)
        for writer, baseline in zip(writers, baselines, strict=True):
            if baseline in lasting:
                history = peer_history(by_host, by_destination, baseline, networks)
                yield writer, FG_B_PEER_HISTORY, "", in_key_order(history, FG_B_PEER_HISTORY)

    built = build(shuffled(read_messages(spark, in_tasks(spark, shares), read), parts), make)
    for writer, baseline in zip(writers, baselines, strict=True):
        built.add_to(writer, FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT)
        if baseline in lasting:
            built.add_to(writer, FG_B_PEER_HISTORY)


def _active_hosts(
    spark: SparkSession,
    rules: PairRules,
    baselines: Sequence[Baseline],
    pair_counts: Scan,
    parts: int,
    hosts: MachineHosts | None,
) -> list[int]:
    """Count the distinct internal sources of each baseline in the tasks: the driver may not hold all of them."""
    shares = file_shares(_SOURCES, Scan(pair_counts.dataset, pair_counts.pieces, ("src_ip", "dst_ip", "slice_start")))

    def read(task: list[FileShare]) -> Iterator[Cut]:
        for _, table in tables_of(task):
            rows = of_pairs(table, rules.networks)
            rows = keyed_pairs(hosts.keys, rows, "src_ip", rules.networks) if hosts else rows
            for number, baseline in enumerate(baselines):
                sources = pc.unique(rows.filter(_starts_within(rows, baseline.interval))["src_ip"]).cast(pa.string())
                sources = sources.filter(pa.array(are_internal(sources, rules.networks)))
                distinct = pa.table({"baseline": pa.repeat(number, len(sources)), "src_ip": sources})
                yield _SOURCES, distinct, parts_by_text(distinct["src_ip"], parts)

    def count(inputs: Inputs) -> Iterator[tuple[str, pa.Table]]:
        distinct = inputs[_SOURCES].group_by(["baseline", "src_ip"]).aggregate([])
        yield _SOURCES, distinct.group_by("baseline").aggregate([([], "count_all")])

    together = shuffled(read_messages(spark, in_tasks(spark, shares), read), parts)
    active = [0] * len(baselines)
    for table in collected(transformed(together, count), _SOURCES):
        for number, sources in zip(table["baseline"].to_pylist(), table["count_all"].to_pylist(), strict=True):
            active[number] += sources
    return active


def _starts_within(rows: pa.Table, interval: Interval) -> pa.ChunkedArray:
    starts = rows["slice_start"]
    first, last = (pa.scalar(instant, starts.type) for instant in (interval.start, interval.end))
    return pc.and_(pc.greater_equal(starts, first), pc.less(starts, last))
