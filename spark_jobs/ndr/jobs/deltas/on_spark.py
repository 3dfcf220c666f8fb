"""Deltas on Spark: a task for some megabytes of files, then flows by source and, once more, by destination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import DELTAS, INBOUND, OUTBOUND, PEER_DELTAS, QUARANTINE
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.manifest import RowAccount
from ndr.contract.time import Interval
from ndr.jobs.deltas.interval_flows import delivered_flows
from ndr.jobs.deltas.kernel import build_deltas
from ndr.jobs.deltas.mini_batches import MiniBatch, delivery_numbers
from ndr.jobs.deltas.pairing import paired, parts_by_ends
from ndr.jobs.deltas.repetitions import DELIVERY, distinct_by_id, unrepeated
from ndr.jobs.deltas.sessions import each_session
from ndr.sources.integration.columns import ROW_ID
from ndr.sources.integration.source import INTEGRATION_FILES
from ndr.spark.messages import Inputs
from ndr.spark.parts import Parts, part_count, parts_by_text, runs
from ndr.spark.stages import Built, Count, Cut, Output, build, read_messages, recut, shuffled
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema
from ndr.store.storage import filesystem

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# A row of JSON has some 300 bytes, of Parquet some 40; part counts need no better guess.
_BYTES_A_ROW: Final = 100
_TASK_BYTES: Final = 4 << 20
_HOST: Final = {OUTBOUND: "source_ip", INBOUND: "destination_ip"}
_RECORDS: Final = "records"
_SHARED: Final = " of shared time"
_RECOGNISED: Final = "recognised: "
_NOT_FLOW: Final = "not a flow: "
_ROWS_USED: Final = "rows used"
_OTHERS: Final = "rows of other times"
_REPEATED: Final = "rows repeated"
_ALLOWED: Final = "allowed"
_UNPAIRED: Final = "unpaired"


def write_deltas(
    spark: SparkSession,
    spec: DeltaBuilderSpec,
    interval: Interval,
    folders: Sequence[MiniBatch],
    writer: PartitionWriter,
) -> tuple[RowAccount, dict[str, int]]:
    """Write the deltas, peer deltas and quarantine of an interval, and return the account of its rows, and how many
    files were taken for what.

    A host's flows come to one part in both roles, so a flow travels twice, once for each of its ends. Rows for
    quarantine travel too, and are not written where they are read: a task that runs twice must not quarantine twice.
    Flows of mini-batches that share time travel with the number of theirs, and repetitions are found where they meet.
    Records of one direction meet first, by both of their ends, and what they are paired to travels on.

    Raises
    ------
    InvalidRequestError, SchemaMismatchError
        A file is missing, damaged or of other columns.
    """
    files = [
        (number, files_of_task)
        for number, folder in zip(delivery_numbers(folders), folders, strict=True)
        for files_of_task in _in_tasks(folder)
    ]
    parts = part_count(spark, _bytes(folders) // _BYTES_A_ROW)

    def read(file: tuple[int | None, MiniBatch]) -> Iterator[Cut]:
        delivery, folder = file
        for part in delivered_flows(spec, interval, folder, threads=1):
            yield from _by_host(part.flows, parts, delivery)
            if part.records.num_rows:
                yield _shared(_RECORDS, delivery), _numbered(part.records, delivery), parts_by_ends(part.records, parts)
            yield QUARANTINE.name, part.quarantined, _first_part(part.quarantined.num_rows)
            kinds = {f"{_NOT_FLOW}{kind}": rows for kind, rows in part.not_flows.items()}
            taken = {f"{_RECOGNISED}{name}": files for name, files in part.recognised.items()}
            counted = {_ROWS_USED: part.rows_used, _OTHERS: part.of_other_times}
            yield from _counted({**counted, **kinds, **taken})

    def pair(inputs: Inputs) -> Iterator[Cut]:
        for name in inputs:
            if not name.startswith(_RECORDS):
                yield name, inputs[name], np.full(inputs[name].num_rows, inputs.part, np.int32)
        records, repeated = _once(inputs, _RECORDS)
        if records is not None:
            pairs = paired(records)
            yield from _by_host(pairs.flows, parts, None)
            yield from _counted(
                {_REPEATED: repeated + pairs.repeated, _ALLOWED: pairs.allowed, _UNPAIRED: pairs.unpaired}
            )

    def make(inputs: Inputs) -> Iterator[Output | Count]:
        for role in _HOST:
            flows, repeated = _once(inputs, role)
            if flows is not None:
                sessions = each_session(flows)
                built = build_deltas(sessions, spec.port_classes, spec.short_session_seconds, (role,))
                yield writer, DELTAS, role, built.deltas
                yield writer, PEER_DELTAS, role, built.peer_deltas
                yield Count(_REPEATED, repeated if role == OUTBOUND else 0)
        yield writer, QUARANTINE, "", inputs.table(QUARANTINE.name, arrow_schema(QUARANTINE))

    messages = shuffled(read_messages(spark, files, read), parts)
    built = build(messages, make) if spec.inputs.source == INTEGRATION_FILES.name else None
    if built is None or any(name.startswith(_RECORDS) for name in built.received):
        built = build(shuffled(recut(messages, pair), parts), make)
    built.add_to(writer, DELTAS, PEER_DELTAS, QUARANTINE)
    return _account(built), _of_kind(built, _RECOGNISED)


def _account(built: Built) -> RowAccount:
    received = built.received
    not_flows = _of_kind(built, _NOT_FLOW)
    used, quarantined = received.get(_ROWS_USED, 0), received.get(QUARANTINE.name, 0)
    repeated = received.get(_REPEATED, 0)
    return RowAccount(
        rows_in=used + quarantined + sum(not_flows.values()),
        rows_used=used - repeated,
        rows_quarantined=quarantined,
        rows_repeated=repeated,
        rows_not_flows=not_flows,
        records=received.get(_ALLOWED, 0),
        records_unpaired=received.get(_UNPAIRED, 0),
        rows_of_other_times=received.get(_OTHERS, 0),
    )


def _of_kind(built: Built, kind: str) -> dict[str, int]:
    return {name.removeprefix(kind): rows for name, rows in built.received.items() if name.startswith(kind)}


def _by_host(flows: pa.Table, parts: int, delivery: int | None) -> Iterator[Cut]:
    for role, host in _HOST.items():
        yield _shared(role, delivery), _numbered(flows, delivery), parts_by_text(flows[host], parts)


def _shared(name: str, delivery: int | None) -> str:
    return name if delivery is None else name + _SHARED


def _numbered(rows: pa.Table, delivery: int | None) -> pa.Table:
    if delivery is None:
        return rows
    return rows.append_column(DELIVERY, pa.array(np.full(rows.num_rows, delivery, np.int32)))


def _counted(rows: Mapping[str, int]) -> Iterator[Cut]:
    """Yield tables without content that have as many rows as were counted."""
    for name, count in rows.items():
        yield name, pa.table({"counted": pa.nulls(count)}), _first_part(count)


def _first_part(rows: int) -> Parts:
    return np.zeros(rows, np.int32)


def _once(inputs: Inputs, name: str) -> tuple[pa.Table | None, int]:
    """Return the rows of a name without repetitions, and how many these were; None where there is no row."""
    found, repeated = [inputs[name]] if name in inputs else [], 0
    if name + _SHARED in inputs:
        shared = inputs[name + _SHARED]
        kept = unrepeated(shared, shared[DELIVERY].to_numpy())
        found.append(shared.drop_columns([DELIVERY]).filter(pa.array(kept)))
        repeated = int(len(kept) - kept.sum())
    if not found:
        return None, 0
    whole = pa.concat_tables(found, promote_options="default")
    if ROW_ID in whole.schema.names:
        first = distinct_by_id(whole)
        whole, repeated = whole.filter(pa.array(first)).drop_columns([ROW_ID]), repeated + int(len(first) - first.sum())
    return whole, repeated


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
