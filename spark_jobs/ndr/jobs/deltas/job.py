"""The delta builder: a batch of integration files in, one partition of deltas a UTC day out."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from ndr.contract.datasets import DELTAS, PEER_DELTAS, QUARANTINE
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.manifest import InputEntry, Manifest, RowAccount
from ndr.contract.time import DAY, Interval, coverage
from ndr.jobs.deltas.day_flows import flows_of_day
from ndr.jobs.deltas.kernel import build_deltas
from ndr.jobs.deltas.mini_batches import MiniBatch, late_mini_batches, mini_batches
from ndr.jobs.deltas.on_spark import write_deltas
from ndr.jobs.deltas.read import read_integration
from ndr.jobs.deltas.strays import keep_strays
from ndr.jobs.run import Run
from ndr.sources.integration.validity import split
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.storage import filesystem, join


def publish_deltas(run: Run, spec: DeltaBuilderSpec, mini_batch_id: str, batch: Interval) -> Iterator[Manifest]:
    """Publish the deltas of a batch, a UTC day at a time, so that memory is bounded by a day.

    Yields
    ------
    Manifest
        Of each partition, as it is published. Its tables are deltas, peer_deltas and quarantine.

    Raises
    ------
    InvalidRequestError, SchemaMismatchError
        A file is missing, damaged or of other columns.
    """
    folders = mini_batches(spec.inputs.integration, mini_batch_id, batch)
    for day in batch.steps(DAY):
        of_day = [folder for folder in folders if folder.interval.intersection(day)]
        yield _build_day(run, spec, day, of_day, join(spec.inputs.integration, mini_batch_id))


def _build_day(run: Run, spec: DeltaBuilderSpec, day: Interval, folders: list[MiniBatch], asked: str) -> Manifest:
    writer = PartitionWriter(time_partition_uri(spec.outputs.deltas, day))
    read = [*folders, *late_mini_batches(spec.outputs.deltas, day)]
    if run.spark is None:
        account = _write_here(spec, day, read, writer)
    else:
        account = write_deltas(run.spark, spec, day, read, writer)
    keep_strays(spec.outputs.deltas, day, writer)
    return writer.commit(
        dataset=DELTAS.name,
        start=day.start,
        end=day.end,
        rows=account,
        inputs=tuple(InputEntry(uri=folder.uri, files=folder.files) for folder in read),
        coverage=coverage(day, [folder.interval for folder in folders]),
        note=_note(folders, account, asked),
        **run.facts,
    )


def _write_here(spec: DeltaBuilderSpec, day: Interval, folders: list[MiniBatch], writer: PartitionWriter) -> RowAccount:
    used, set_aside = _read(spec, day, folders)
    built = build_deltas(used, spec.port_classes, spec.short_session_seconds)
    writer.write_all([(built.peer_deltas, PEER_DELTAS), (built.deltas, DELTAS), (set_aside, QUARANTINE)])
    return RowAccount(
        rows_in=used.num_rows + set_aside.num_rows, rows_used=used.num_rows, rows_quarantined=set_aside.num_rows
    )


def _read(spec: DeltaBuilderSpec, day: Interval, folders: list[MiniBatch]) -> tuple[pa.Table, pa.Table]:
    """Return the day's flows, and the rows that are quarantined with this day's partition."""
    if not folders:
        return split(read_integration(filesystem(spec.inputs.integration)[0], [], spec), day)
    flows, quarantined = zip(*(flows_of_day(spec, day, folder) for folder in folders), strict=True)
    return pa.concat_tables(flows).unify_dictionaries(), pa.concat_tables(quarantined)


def _note(folders: list[MiniBatch], account: RowAccount, asked: str) -> str | None:
    if not folders:
        return f"Nothing was delivered: there is no file below {asked}/."
    if account.rows_in == 0:
        return "The batch is empty: its files hold no rows."
    if account.rows_used == 0:
        return f"All {account.rows_quarantined} rows are quarantined; the quarantine table says why."
    return None
