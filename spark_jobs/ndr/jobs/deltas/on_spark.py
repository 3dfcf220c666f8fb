"""Deltas on Spark: a task for each integration file, then flows by source and, once more, by destination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ndr.contract.datasets import DELTAS, PEER_DELTAS, QUARANTINE
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.manifest import RowAccount
from ndr.contract.time import Interval
from ndr.jobs.deltas.day_flows import flows_of_day
from ndr.jobs.deltas.kernel import build_deltas
from ndr.jobs.deltas.mini_batches import MiniBatch
from ndr.spark.messages import Inputs
from ndr.spark.parts import part_count, parts_by_text
from ndr.spark.stages import Cut, Output, brought_together, build, read_messages
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema
from ndr.store.storage import filesystem

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A row of JSON has some 300 bytes, of Parquet some 40; part counts need no better guess.
_BYTES_A_ROW: Final = 100
_HOST: Final = {"outbound": "source_ip", "inbound": "destination_ip"}


def write_deltas(
    spark: SparkSession, spec: DeltaBuilderSpec, day: Interval, folders: Sequence[MiniBatch], writer: PartitionWriter
) -> RowAccount:
    """Write the deltas, peer deltas and quarantine of a day.

    A host's flows come to one part in both roles, so a flow travels twice, once for each of its ends. Rows for
    quarantine travel too, and are not written where they are read: a task that runs twice must not quarantine twice.

    Raises
    ------
    InvalidRequestError, SchemaMismatchError
        A file is missing, damaged or of other columns.
    """
    files = [replace(folder, paths=(path,)) for folder in folders for path in folder.paths]
    parts = part_count(spark, _bytes(folders) // _BYTES_A_ROW)

    def read(file: MiniBatch) -> Iterator[Cut]:
        flows, quarantined = flows_of_day(spec, day, file, threads=1)
        for role, host in _HOST.items():
            yield role, flows, parts_by_text(flows[host], parts)
        yield QUARANTINE.name, quarantined, np.zeros(quarantined.num_rows, np.int32)

    def make(inputs: Inputs) -> Iterator[Output]:
        for role in _HOST:
            if role in inputs:
                built = build_deltas(inputs[role], spec.port_classes, spec.short_session_seconds, (role,))
                yield writer, DELTAS, role, built.deltas
                yield writer, PEER_DELTAS, role, built.peer_deltas
        yield writer, QUARANTINE, "", inputs.table(QUARANTINE.name, arrow_schema(QUARANTINE))

    built = build(brought_together(read_messages(spark, files, read), parts), make)
    built.add_to(writer, DELTAS, PEER_DELTAS, QUARANTINE)
    used, set_aside = built.received.get("outbound", 0), built.received.get(QUARANTINE.name, 0)
    return RowAccount(rows_in=used + set_aside, rows_used=used, rows_quarantined=set_aside)


def _bytes(folders: Sequence[MiniBatch]) -> int:
    """Return the size of all files. A file that is gone counts nothing: reading it says so."""
    return sum(
        info.size or 0
        for folder in folders
        if folder.paths
        for info in filesystem(folder.uri)[0].get_file_info(list(folder.paths))
    )
