"""Deltas on Spark: a task for some megabytes of files, then flows by source and, once more, by destination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.datasets import DELTAS, INBOUND, OUTBOUND, PEER_DELTAS, QUARANTINE
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.manifest import RowAccount
from ndr.contract.time import Interval
from ndr.jobs.deltas.interval_flows import splits_of_interval
from ndr.jobs.deltas.kernel import build_deltas
from ndr.jobs.deltas.mini_batches import MiniBatch, overlapping
from ndr.jobs.deltas.repetitions import unrepeated
from ndr.spark.messages import Inputs
from ndr.spark.parts import part_count, parts_by_text, runs
from ndr.spark.stages import Cut, Output, build, read_messages, shuffled
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema
from ndr.store.storage import filesystem, join

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A row of JSON has some 300 bytes, of Parquet some 40; part counts need no better guess.
_BYTES_A_ROW: Final = 100
_TASK_BYTES: Final = 4 << 20
_HOST: Final = {OUTBOUND: "source_ip", INBOUND: "destination_ip"}
_SHARED: Final = " of shared time"
_DELIVERY: Final = "delivery"


def write_deltas(
    spark: SparkSession,
    spec: DeltaBuilderSpec,
    interval: Interval,
    folders: Sequence[MiniBatch],
    writer: PartitionWriter,
) -> RowAccount:
    """Write the deltas, peer deltas and quarantine of an interval.

    A host's flows come to one part in both roles, so a flow travels twice, once for each of its ends. Rows for
    quarantine travel too, and are not written where they are read: a task that runs twice must not quarantine twice.
    Flows of mini-batches that share time travel with the number of theirs, and repetitions are found where they meet.

    Raises
    ------
    InvalidRequestError, SchemaMismatchError
        A file is missing, damaged or of other columns.
    """
    shared = overlapping(folders)
    files = [
        (place if place in shared else None, files_of_task)
        for place, folder in enumerate(folders)
        for files_of_task in _in_tasks(folder)
    ]
    parts = part_count(spark, _bytes(folders) // _BYTES_A_ROW)

    def read(file: tuple[int | None, MiniBatch]) -> Iterator[Cut]:
        delivery, folder = file
        for flows, quarantined in splits_of_interval(spec, interval, folder, threads=1):
            for role, host in _HOST.items():
                cut = parts_by_text(flows[host], parts)
                if delivery is None:
                    yield role, flows, cut
                else:
                    yield role + _SHARED, flows.append_column(_DELIVERY, _number(delivery, flows.num_rows)), cut
            yield QUARANTINE.name, quarantined, np.zeros(quarantined.num_rows, np.int32)

    def make(inputs: Inputs) -> Iterator[Output]:
        for role in _HOST:
            flows = [inputs[role]] if role in inputs else []
            if role + _SHARED in inputs:
                flows.append(_united(inputs[role + _SHARED]))
            if flows:
                built = build_deltas(pa.concat_tables(flows), spec.port_classes, spec.short_session_seconds, (role,))
                yield writer, DELTAS, role, built.deltas
                yield writer, PEER_DELTAS, role, built.peer_deltas
        yield writer, QUARANTINE, "", inputs.table(QUARANTINE.name, arrow_schema(QUARANTINE))

    built = build(shuffled(read_messages(spark, files, read), parts), make)
    built.add_to(writer, DELTAS, PEER_DELTAS, QUARANTINE)
    quarantined = built.received.get(QUARANTINE.name, 0)
    arrived = sum(built.received.get(name, 0) for name in (OUTBOUND, f"{OUTBOUND}{_SHARED}"))
    used = _sessions(writer) if shared else arrived
    return RowAccount(
        rows_in=arrived + quarantined,
        rows_used=used,
        rows_quarantined=quarantined,
        rows_repeated=arrived - used,
    )


def _number(delivery: int, rows: int) -> pa.Array:
    return pa.array(np.full(rows, delivery, np.int32))


def _united(flows: pa.Table) -> pa.Table:
    kept = unrepeated(flows, flows[_DELIVERY].to_numpy())
    return flows.drop_columns([_DELIVERY]).filter(pa.array(kept))


def _sessions(writer: PartitionWriter) -> int:
    """Return how many flows were counted: each one once in the role of its source."""
    total = 0
    for file in writer.tables[DELTAS.name].files:
        system, path = filesystem(join(writer.partition_uri, file.path))
        rows = pq.read_table(path, filesystem=system, columns=["role", "sessions_cnt"])
        total += pc.sum(rows.filter(pc.equal(rows["role"], OUTBOUND))["sessions_cnt"]).as_py() or 0
    return total


def _in_tasks(folder: MiniBatch) -> Iterator[MiniBatch]:
    """Part a mini-batch's files: consecutive small ones come to one task, up to `_TASK_BYTES`."""
    infos = filesystem(folder.uri)[0].get_file_info(list(folder.paths)) if folder.paths else []
    for run in runs([info.size or 0 for info in infos], _TASK_BYTES):
        yield replace(folder, paths=folder.paths[run.start : run.stop])


def _bytes(folders: Sequence[MiniBatch]) -> int:
    """Return the size of all files. A file that is gone counts nothing: reading it says so."""
    return sum(
        info.size or 0
        for folder in folders
        if folder.paths
        for info in filesystem(folder.uri)[0].get_file_info(list(folder.paths))
    )
