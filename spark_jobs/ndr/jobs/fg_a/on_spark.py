"""FG-A on Spark: deltas, peer deltas and pair history by host; a part builds all days, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import DELTAS, FG_A, OUTBOUND, PEER_DELTAS, Dataset
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.time import DAY, Interval
from ndr.jobs.fg_a.day_reader import PAIR, DayReader
from ndr.jobs.fg_a.days import earliest_midnight, features_by_day, inputs_of
from ndr.jobs.fg_a.history_start import HistoryStart
from ndr.jobs.fg_a.machine_parts import MachineParts
from ndr.jobs.fg_a.machine_rows import ELSEWHERE, of_some_host
from ndr.jobs.fg_a.novel_rows import HOST
from ndr.jobs.fg_a.pair_history import PEER, PEER_SCHEMA
from ndr.jobs.monitored import of_hosts
from ndr.spark.messages import Inputs
from ndr.spark.parts import part_count, parts_by_text
from ndr.spark.scan_tasks import FileShare, file_shares, in_tasks, tables_of
from ndr.spark.stages import Built, Cut, Output, build, read_messages, shuffled
from ndr.store.catalog import Piece
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The lookback before each chunk of the batch is read again, so a chunk is about as long as the lookback.
CHUNK: Final = 28 * DAY
_HISTORY: Final = "history"


def write_features(
    spark: SparkSession, spec: FgABuilderSpec, batch: Interval, days: DayReader, start: HistoryStart
) -> Iterator[tuple[Interval, PartitionWriter]]:
    """Write the FG-A rows of a batch.

    Yields
    ------
    (Interval, PartitionWriter)
        Each UTC day of the batch, or the part of it, with its files added; to be committed.
    """
    for chunk in batch.steps(CHUNK):
        writers = {day: PartitionWriter(time_partition_uri(spec.outputs.fg_a, day)) for day in chunk.steps(DAY)}
        built = _build(spark, spec, chunk, days, _start_of(spec, chunk, start), list(writers.values()))
        for day, writer in writers.items():
            built.add_to(writer, FG_A)
            yield day, writer


def _start_of(spec: FgABuilderSpec, chunk: Interval, start: HistoryStart) -> HistoryStart:
    oldest = earliest_midnight(chunk, spec) - spec.novelty.lookback_days * DAY
    return start if start.end > oldest else HistoryStart(oldest, None, start.of_machines)


def _build(
    spark: SparkSession,
    spec: FgABuilderSpec,
    chunk: Interval,
    days: DayReader,
    start: HistoryStart,
    writers: list[PartitionWriter],
) -> Built:
    shares = _shares(spec, chunk, days, start)
    parts, networks = part_count(spark, sum(share.rows for share in shares)), days.networks
    published, kind = days.published(inputs_of(chunk, spec)), start.kind
    machines = None
    if days.keys:
        windows = Interval(earliest_midnight(chunk, spec), chunk.end)
        machines = MachineParts(days.keys, networks, windows, parts)

    def read(task: list[FileShare]) -> Iterator[Cut]:
        for name, rows in tables_of(task):
            if machines and not name.startswith(_name_of(DELTAS)):
                yield from _of_machines(name, rows, machines)
                continue
            if name == _HISTORY:
                yield from _by_both_ends(name, rows, parts)
                continue
            monitored = of_hosts(rows, networks)
            if "slice_start" not in monitored.column_names:
                monitored = monitored.group_by(PAIR, use_threads=False).aggregate([])
            yield name, monitored, parts_by_text(monitored["host_ip"], parts)

    def make(inputs: Inputs) -> Iterator[Output]:
        history = kind.of_baseline(start.end, inputs.table(_HISTORY, kind.schema))
        part = PartDays(inputs) if machines is None else MachinePartDays(inputs)
        built = features_by_day(chunk, spec, networks, part, history, published, threads=1)
        for writer, (_, tables) in zip(writers, built, strict=True):
            for number, table in enumerate(tables):
                yield writer, FG_A, str(number) if number else "", table

    return build(shuffled(read_messages(spark, in_tasks(spark, shares), read), parts), make)


def _of_machines(name: str, rows: pa.Table, machines: MachineParts) -> Iterator[Cut]:
    """Cut peer deltas and their history where hosts are machines."""
    if name == _HISTORY:
        yield name, *machines.sent(rows)
        return
    monitored = of_hosts(rows, machines.networks)
    if "sessions_cnt" not in monitored.column_names:
        yield name, *machines.peers(monitored)
        return
    with_hosts = machines.with_hosts(monitored)
    yield name, with_hosts, parts_by_text(with_hosts["host_ip"], machines.parts)
    yield _elsewhere(name), *machines.elsewhere(with_hosts)


def _shares(spec: FgABuilderSpec, chunk: Interval, days: DayReader, start: HistoryStart) -> list[FileShare]:
    """Return what to read: the baseline of the history, pairs of the days before the windows, rows of the windows."""
    shares = []
    if start.baseline:
        piece = Piece(start.baseline, start.baseline.manifest.interval)
        shares += file_shares(_HISTORY, Scan(start.dataset, (piece,), tuple(start.kind.schema.names)))
    windows = earliest_midnight(chunk, spec)
    pair = (*PAIR, "slice_start") if days.keys else PAIR
    for number in range((chunk.end - min(start.end, windows) - DAY.resolution) // DAY + 1):
        morning = min(start.end, windows) + number * DAY
        peers = days.scan(PEER_DELTAS, morning)
        if morning < windows:
            shares += file_shares(_name(PEER_DELTAS, morning), Scan(PEER_DELTAS, peers.pieces, pair))
        else:
            shares += file_shares(_name(PEER_DELTAS, morning), peers)
            shares += file_shares(_name(DELTAS, morning), days.scan(DELTAS, morning))
    return shares


def _by_both_ends(name: str, pairs: pa.Table, parts: int) -> Iterator[Cut]:
    """Cut pairs so that each is sent to the part of its source and to that of its destination."""
    by_source, by_destination = parts_by_text(pairs["src_ip"], parts), parts_by_text(pairs["dst_ip"], parts)
    elsewhere = by_destination != by_source
    yield name, pairs, by_source
    yield name, pairs.filter(pa.array(elsewhere)), by_destination[elsewhere]


def _name(dataset: Dataset, morning: datetime) -> str:
    return f"{_name_of(dataset)}{morning:%Y-%m-%d}"


def _name_of(dataset: Dataset) -> str:
    return f"{dataset.name} of "


def _elsewhere(name: str) -> str:
    return f"{name} elsewhere"


@dataclass(frozen=True)
class PartDays:
    """The days of one part's hosts."""

    inputs: Inputs

    def rows(self, dataset: Dataset, mornings: Sequence[datetime]) -> pa.Table:
        """Return the rows of days."""
        return pa.concat_tables(
            [self.inputs.table(_name(dataset, morning), arrow_schema(dataset)) for morning in mornings]
        )

    def elsewhere(self, peer_deltas: pa.Table, mornings: Sequence[datetime]) -> pa.Table | None:
        """Return nothing: hosts are addresses."""
        return None

    def pairs(self, morning: datetime) -> pa.Table:
        """Return the pairs of a day; inbound rows are turned into outbound rows of their peers."""
        rows = self.inputs.table(_name(PEER_DELTAS, morning), arrow_schema(PEER_DELTAS)).select(PAIR)
        is_outbound = pc.equal(rows["role"], OUTBOUND)
        inbound = rows.filter(pc.invert(is_outbound))
        role = pa.repeat(pa.scalar(OUTBOUND), inbound.num_rows)
        turned = pa.table([inbound["peer_ip"], role, inbound["host_ip"], inbound["peer_port"]], schema=rows.schema)
        return pa.concat_tables([rows.filter(is_outbound), turned])

    def forget_before(self, morning: datetime) -> None:
        """Keep everything: a part holds all its days at once."""


class MachinePartDays(PartDays):
    """The days of one part's hosts where hosts are machines: their rows, and what their machines did elsewhere."""

    def rows(self, dataset: Dataset, mornings: Sequence[datetime]) -> pa.Table:
        """Return the rows of days; peer deltas have the column HOST."""
        schema = arrow_schema(dataset)
        if dataset == PEER_DELTAS:
            schema = schema.append(pa.field(HOST, pa.string()))
        return pa.concat_tables([self.inputs.table(_name(dataset, morning), schema) for morning in mornings])

    def elsewhere(self, peer_deltas: pa.Table, mornings: Sequence[datetime]) -> pa.Table | None:
        """Return what the machines did at all their addresses."""
        names = (_elsewhere(_name(PEER_DELTAS, morning)) for morning in mornings)
        return pa.concat_tables([self.inputs.table(name, _ELSEWHERE) for name in names])

    def pairs(self, morning: datetime) -> pa.Table:
        """Return the peers of each host on a day."""
        name = _name(PEER_DELTAS, morning)
        own, others = self.inputs.table(name, PEER_SCHEMA), self.inputs.table(_elsewhere(name), _ELSEWHERE)
        return of_some_host(pa.concat_tables([own.select(PEER), others.select(PEER)]))


_ELSEWHERE: Final = pa.schema(
    [arrow_schema(PEER_DELTAS).field(name) if name != HOST else pa.field(HOST, pa.string()) for name in ELSEWHERE]
)
