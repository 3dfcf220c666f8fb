"""Host and segment statistics, and what is known of hosts, on Spark.

A segment is cut into its (role, time band, window) groups, whose statistics are independent. Their rows are counted
first, and the groups are assigned to parts by size, so that one very large segment is spread over the cores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import (
    FG_A,
    FG_B_IP_METADATA,
    FG_B_PROFILE,
    MACHINE_INVENTORY,
    PROFILE_METRICS,
    PROFILE_WINDOWS,
    Dataset,
    fg_b_host,
    fg_b_segment,
)
from ndr.jobs.deltas.grouping import packed
from ndr.jobs.fg_b.active_slices import ONE_SLICE
from ndr.jobs.fg_b.baseline import Baseline, BaselineJob, StatisticsRules, span_of
from ndr.jobs.fg_b.ip_metadata import HostActivity, ip_metadata
from ndr.jobs.fg_b.layout import GROUP_COLUMNS
from ndr.jobs.fg_b.machine_hosts import MachineHosts
from ndr.jobs.fg_b.pairs_on_spark import write_pairs
from ndr.jobs.fg_b.profile import ProfileRules, profiles_of_baselines
from ndr.jobs.fg_b.published import ChunkRows, profile_rules
from ndr.jobs.fg_b.row_source import COVERAGE_COLUMN, TEXT_COLUMNS, TIME_COLUMN, TableRows
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.fg_b.statistics import tables_of_baselines
from ndr.jobs.monitored import of_hosts
from ndr.net.networks import segment_ids
from ndr.spark.messages import Inputs
from ndr.spark.parts import Parts, balanced, part_count, parts_by_text
from ndr.spark.scan_tasks import FileShare, file_shares, in_tasks, tables_of
from ndr.spark.stages import Cut, Output, build, collected, driver_messages, read_messages, shuffled
from ndr.store.asked import read_schema
from ndr.store.publish import PartitionWriter, in_key_order
from ndr.store.scan import Scan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Group = tuple[str, ...]

_ROWS: Final = "rows"
_ACTIVITY: Final = "activity"
_SLICES: Final = "active slices"
_PROFILED: Final = "profiled"
_KEYED: Final = "rows of machines"
_COUNTS: Final = "counts"
_SEGMENT_GROUP: Final = ("segment_id", *GROUP_COLUMNS)
_OWNER: Final = ("segment_id", "role")


def write_baselines(
    spark: SparkSession,
    specs: BaselineSpecs,
    jobs: Sequence[BaselineJob],
    chunk: ChunkRows,
    hosts: MachineHosts | None = None,
) -> list[PartitionWriter]:
    """Write the tables of each baseline; the rows are read once for all of them.

    Parameters
    ----------
    chunk : ChunkRows
        What is published of the inputs, over all baselines.
    hosts : MachineHosts, optional
        Where the hosts are machines.

    Returns
    -------
    list of PartitionWriter
        Of the jobs; not yet committed.
    """
    baselines = [job.baseline for job in jobs]
    writers = [job.writer for job in jobs]
    machines = [job.machines for job in jobs]
    rules = specs.statistics_rules
    prefixes = specs.non_persistent_prefixes
    of_profiles = profile_rules(specs, chunk)
    write_statistics(spark, rules, of_profiles, prefixes, baselines, machines, chunk.fg_a, writers, hosts)
    write_pairs(spark, specs.pair_rules, baselines, chunk.pair_counts, writers, hosts)
    return writers


def write_statistics(
    spark: SparkSession,
    rules: StatisticsRules,
    of_profiles: ProfileRules,
    non_persistent_prefixes: Sequence[str],
    baselines: Sequence[Baseline],
    machines: Sequence[pa.Table],
    fg_a: Scan,
    writers: Sequence[PartitionWriter],
    hosts: MachineHosts | None = None,
) -> None:
    """Write the tables host, segment, ip_metadata and profile of each baseline.

    Parameters
    ----------
    machines : sequence of Table
        ip_address and machine_name, for each baseline.
    fg_a : Scan
        Key columns, window_end, metrics and PROFILE_METRICS over all baselines.
    hosts : MachineHosts, optional
        Where the hosts are machines: segments have the rows of addresses, the other tables those of machines.
    """
    counts = _group_counts(spark, rules, fg_a)
    parts = part_count(spark, sum(counts.values()))
    part_of = balanced(counts, parts)
    host, segment = fg_b_host(rules.metrics), fg_b_segment(rules.metrics)
    keys = read_schema(FG_A, (*TEXT_COLUMNS, TIME_COLUMN))
    of_hours = read_schema(FG_A, (*TEXT_COLUMNS, TIME_COLUMN, COVERAGE_COLUMN, *PROFILE_METRICS))
    span = span_of(baselines)
    parts_of = _parts_of_owners(part_of)
    inventory = read_schema(MACHINE_INVENTORY, ("ip_address", "machine_name"))
    of_hosts_rules = replace(rules, hosts_are_machines=hosts is not None)
    of_profiles = replace(of_profiles, hosts_are_machines=hosts is not None)

    def read(task: list[FileShare]) -> Iterator[Cut]:
        for name, table in tables_of(task):
            rows = of_hosts(table, rules.networks)
            yield name, rows, _parts_by_group(_segment_groups(rows, rules), part_of)
            active = rows.filter(pc.equal(rows["window_label"], ONE_SLICE)).select(keys.names)
            yield from _to_owners(active, _segment_groups(active, rules), parts_of)
            if hosts:
                rows = hosts.keyed_table(rows)
                active = rows.filter(pc.equal(rows["window_label"], ONE_SLICE)).select(keys.names)
                yield _KEYED, rows, parts_by_text(rows["host_ip"], parts)
            yield _ACTIVITY, active, parts_by_text(active["host_ip"], parts)
            profiled = rows.filter(pc.is_in(rows["window_label"], pa.array(PROFILE_WINDOWS))).select(of_hours.names)
            yield _PROFILED, profiled, parts_by_text(profiled["host_ip"], parts)

    def published(table: pa.Table, dataset: Dataset, baseline: Baseline) -> pa.Table:
        return in_key_order(hosts.addressed(table, baseline.end), dataset) if hosts else table

    def make(inputs: Inputs) -> Iterator[Output]:
        if _ROWS in inputs:
            active = TableRows(inputs.table(_SLICES, keys))
            found = tables_of_baselines(inputs[_ROWS], baselines, rules, active=active)
            for writer, tables in zip(writers, found, strict=True):
                if not hosts:
                    yield writer, host, "", in_key_order(tables.host, host)
                yield writer, segment, "", in_key_order(tables.segment, segment)
        if _KEYED in inputs:
            found = tables_of_baselines(inputs[_KEYED], baselines, of_hosts_rules)
            for writer, tables, baseline in zip(writers, found, baselines, strict=True):
                yield writer, host, "", published(tables.host, host, baseline)
        activity = HostActivity.of(inputs.table(_ACTIVITY, keys), span)
        for number, (writer, baseline) in enumerate(zip(writers, baselines, strict=True)):
            machines_known = inputs.table(_machines(number), inventory)
            known = ip_metadata(activity, baseline, machines_known, non_persistent_prefixes)
            yield writer, FG_B_IP_METADATA, "", published(known, FG_B_IP_METADATA, baseline)
        profiles = profiles_of_baselines(inputs.table(_PROFILED, of_hours), baselines, of_profiles)
        for writer, profile, baseline in zip(writers, profiles, baselines, strict=True):
            yield writer, FG_B_PROFILE, "", published(profile, FG_B_PROFILE, baseline)

    messages = [read_messages(spark, in_tasks(spark, file_shares(_ROWS, fg_a)), read)]
    for number, table in enumerate(machines):
        by_host = parts_by_text(table["ip_address"], parts)
        messages.append(
            driver_messages(spark, _machines(number), table.select(inventory.names).cast(inventory), by_host)
        )
    together = shuffled(reduce(lambda one, other: one.unionAll(other), messages), parts)
    built = build(together, make)
    if built.received.get(_ROWS, 0) != sum(counts.values()):
        raise RuntimeError(
            f"{sum(counts.values())} FG-A rows were counted but {built.received.get(_ROWS, 0)} reached the kernels; "
            "nothing is published."
        )
    for writer in writers:
        built.add_to(writer, host, segment, FG_B_IP_METADATA, FG_B_PROFILE)


def _machines(number: int) -> str:
    return f"machines of baseline {number}"


def _group_counts(spark: SparkSession, rules: StatisticsRules, fg_a: Scan) -> dict[Group, int]:
    """Count the rows of every (segment, role, time band, window)."""
    shares = file_shares(_COUNTS, Scan(fg_a.dataset, fg_a.pieces, TEXT_COLUMNS))

    def read(task: list[FileShare]) -> Iterator[Cut]:
        for name, rows in tables_of(task):
            groups = _segment_groups(of_hosts(rows, rules.networks), rules)
            counted = groups.group_by(list(_SEGMENT_GROUP), use_threads=False).aggregate([([], "count_all")])
            yield name, counted, np.zeros(counted.num_rows, np.int32)

    counts: dict[Group, int] = {}
    for table in collected(read_messages(spark, in_tasks(spark, shares), read), _COUNTS):
        for *group, rows in zip(*table.to_pydict().values(), strict=True):
            counts[tuple(group)] = counts.get(tuple(group), 0) + rows
    return counts


def _segment_groups(rows: pa.Table, rules: StatisticsRules) -> pa.Table:
    """Return the segment, role, time band and window of each row."""
    hosts = pc.unique(rows["host_ip"])
    names = segment_ids(hosts, rules.networks).cast(pa.string())
    segment = pc.take(names, pc.index_in(rows["host_ip"], hosts))
    return pa.table([segment, *(rows[name] for name in GROUP_COLUMNS)], names=list(_SEGMENT_GROUP))


def _parts_of_owners(part_of: dict[Group, int]) -> dict[Group, list[int]]:
    """Return the parts that have a group of each (segment, role), whose active slices each of them counts."""
    parts_of: dict[Group, set[int]] = {}
    for (segment, role, *_), part in part_of.items():
        parts_of.setdefault((segment, role), set()).add(part)
    return {owner: sorted(parts) for owner, parts in parts_of.items()}


def _to_owners(active: pa.Table, groups: pa.Table, parts_of: dict[Group, list[int]]) -> Iterator[Cut]:
    """Send the rows of one slice to every part that has a group of their segment and role."""
    owners = groups.select(_OWNER)
    for number in range(max(map(len, parts_of.values()), default=0)):
        part_of = {owner: parts[number] if number < len(parts) else -1 for owner, parts in parts_of.items()}
        parts = _parts_by_group(owners, part_of)
        yield _SLICES, active.filter(pa.array(parts >= 0)), parts[parts >= 0]


def _parts_by_group(groups: pa.Table, part_of: dict[Group, int]) -> Parts:
    coded = [groups[name].combine_chunks().dictionary_encode() for name in groups.column_names]
    number = packed(
        [column.indices.to_numpy() for column in coded], [max(1, len(column.dictionary)) for column in coded]
    )
    _, first, of_row = np.unique(number, return_index=True, return_inverse=True)
    distinct = groups.take(pa.array(first)).to_pydict().values()
    return np.array([part_of[group] for group in zip(*distinct, strict=True)], np.int32)[of_row]
