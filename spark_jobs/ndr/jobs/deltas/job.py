"""The delta builder: a batch of integration files in, one partition of deltas a UTC day out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from ndr.contract.compacted import inputs_within
from ndr.contract.datasets import DELTAS, LATE_FOLDER, PEER_DELTAS, QUARANTINE
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.manifest import InputEntry, Manifest, RowAccount, TimeRange
from ndr.contract.time import DAY, SLICE, Interval, coverage, floor_to, interval_of, merged, unfilled
from ndr.contract.wording import counted
from ndr.jobs.deltas.in_parts import deltas_in_parts
from ndr.jobs.deltas.interval_flows import delivered_flows
from ndr.jobs.deltas.mini_batches import (
    MiniBatch,
    as_inputs,
    check_mini_batch_id,
    delivery_numbers,
    mini_batches,
    out_of_batch_rows,
)
from ndr.jobs.deltas.on_spark import write_deltas
from ndr.jobs.deltas.out_of_batch import keep_out_of_batch_rows
from ndr.jobs.deltas.pairing import paired
from ndr.jobs.deltas.quarantine import QuarantineFiles
from ndr.jobs.deltas.repetitions import distinct_by_id, unrepeated
from ndr.jobs.deltas.same_content import without_copies
from ndr.jobs.deltas.sessions import RECORD_COLUMNS, each_session
from ndr.jobs.deltas.time_folders import slices_of_inputs, time_folders
from ndr.jobs.run import Run
from ndr.sources.integration.columns import FLOW_COLUMNS, ROW_ID
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.replacement import PublishedRows, refuse_empty, refuse_unreadable, written_slices


def publish_deltas(
    run: Run, spec: DeltaBuilderSpec, mini_batch_id: str, batch: Interval, replace_with_empty: bool = False
) -> Iterator[Manifest]:
    """Publish the deltas of a batch, a UTC day at a time, so that memory is bounded by a day.

    Parameters
    ----------
    replace_with_empty : bool
        Whether slices that have published rows may be left without any.

    Yields
    ------
    Manifest
        Of each partition, as it is published. Its tables are deltas, peer_deltas and quarantine.

    Raises
    ------
    InvalidRequestError, SchemaMismatchError
        The id names another time than the batch's; a file is missing, damaged or of other columns.
    EmptyResultError
        Slices that have published rows would have none.
    """
    check_mini_batch_id(mini_batch_id, batch)
    folders = _delivered(spec, mini_batch_id, batch)
    for interval in batch.steps(DAY):
        delivered = [folder for folder in folders if folder.interval.intersection(interval)]
        build = _Build(run, spec, interval, delivered)
        writer, read, account, recognised = build.write()
        if not replace_with_empty:
            build.refuse_empty(writer, account)
        yield writer.commit(
            run.fence(DELTAS.name, interval),
            dataset=DELTAS.name,
            start=interval.start,
            end=interval.end,
            rows=account,
            inputs=as_inputs(read),
            coverage=_coverage(interval, delivered, account),
            undelivered=_undelivered(interval, delivered),
            note=_with_recognised(build.note(account), recognised),
            **run.facts,
        )


def _delivered(spec: DeltaBuilderSpec, identifier: str, batch: Interval) -> list[MiniBatch]:
    """Find what can hold rows of a batch, in the layout that the JobSpec says."""
    if layout := spec.inputs.time_layout:
        return time_folders(spec.inputs.integration, layout, batch)
    return mini_batches(spec.inputs.integration, identifier, batch)


def _with_recognised(note: str | None, recognised: Mapping[str, int]) -> str | None:
    if not recognised:
        return note
    taken = "; ".join(f"{name} ({counted(files, 'file')})" for name, files in sorted(recognised.items()))
    return f"{note + ' ' if note else ''}Recognised: {taken}."


LOST: Final = "skipdata"
"""The kind of rows that say that the log lacks others."""


def _coverage(interval: Interval, delivered: Sequence[MiniBatch], account: RowAccount) -> float:
    """Return the share of an interval that was delivered, less the share of rows that say that others were lost."""
    lost = account.rows_not_flows.get(LOST, 0) / account.rows_in if account.rows_in else 0.0
    return coverage(interval, [folder.interval for folder in delivered]) * (1 - lost)


def _undelivered(interval: Interval, delivered: Sequence[MiniBatch]) -> tuple[TimeRange, ...]:
    gaps = unfilled(interval, [folder.interval for folder in delivered])
    return tuple(TimeRange(start=gap.start, end=gap.end) for gap in gaps)


@dataclass(frozen=True)
class _Build:
    """The building of one interval from the mini-batches that can hold its rows."""

    run: Run
    spec: DeltaBuilderSpec
    interval: Interval
    delivered: Sequence[MiniBatch]

    def write(self) -> tuple[PartitionWriter, list[MiniBatch], RowAccount, Mapping[str, int]]:
        """Write a version of the partition, and return it with what was read, the account of its rows, and how many
        files were taken for what.

        Reading may tell of rows that came with one mini-batch and belong to a slice of another one here: then they are
        kept, and everything is written once more with them.
        """
        while True:
            writer = PartitionWriter(time_partition_uri(self.spec.outputs.deltas, self.interval))
            read = [*self.delivered, *out_of_batch_rows(self.spec.outputs.deltas, self.interval)]
            distinct = without_copies(read)
            if self.run.spark is None:
                account, recognised = _write_here(self.spec, self.interval, distinct, writer)
            else:
                account, recognised = write_deltas(self.run.spark, self.spec, self.interval, distinct, writer)
            changed = keep_out_of_batch_rows(self.spec.outputs.deltas, self.interval, self.delivered, writer)
            if not any(place.intersection(self.interval) for place in changed):
                return writer, read, account, recognised

    def refuse_empty(self, writer: PartitionWriter, account: RowAccount) -> None:
        """Raise where slices that have published rows would have none, or only rows that came with other batches.

        Raises
        ------
        EmptyResultError
        """
        why = self.note(account) or f"Nothing below {self.spec.inputs.integration} has rows for a part of the batch."
        prefix = self.spec.outputs.deltas
        try:
            published = PublishedRows.of(prefix, DELTAS, self.interval, self.run.owner)
        except SchemaMismatchError as error:
            refuse_unreadable(DELTAS, error, account.rows_used == 0, why)
            return
        if not published.by_slice:
            return
        written = written_slices(writer, DELTAS)
        lost = {start for start in published.by_slice if start not in written and not self._is_told(start, written)}
        refuse_empty(DELTAS, published, lost | self._undelivered_now(published), why)

    def _is_told(self, start: datetime, written: set[datetime]) -> bool:
        """Tell whether a mini-batch that gave rows holds a slice: then the slice is without rows, and not lost."""
        holding = [folder.interval for folder in self.delivered if start in folder.interval]
        return any(other in interval for interval in holding for other in written)

    def _undelivered_now(self, published: PublishedRows) -> set[datetime]:
        """Return the slices that were built from a mini-batch and that none holds now."""
        delivered = [folder.interval for folder in self.delivered if folder.files]
        before = [
            part
            for piece in published.pieces
            for entry in inputs_within(piece.partition.manifest, piece.interval)
            if entry.files and f"/{LATE_FOLDER}/" not in entry.uri
            for held in self._held(entry, piece.interval)
            if (part := held.intersection(piece.interval))
        ]
        gone = (gap for part in merged(before) for gap in unfilled(part, delivered))
        return {floor_to(each.start, SLICE) for part in gone for each in part.steps(SLICE)}

    def _held(self, entry: InputEntry, built: Interval) -> list[Interval]:
        """Return the time that what a manifest names held, where that is told by its name; else what was built."""
        if layout := self.spec.inputs.time_layout:
            return slices_of_inputs(self.spec.inputs.integration, layout, [entry])
        return [interval_of(entry.uri.rpartition("/")[2]) or built]

    def note(self, account: RowAccount) -> str | None:
        """Return what is worth saying of a build that used no row."""
        if not self.delivered and account.rows_in == 0:
            what = "file" if self.spec.inputs.time_layout else "mini-batch"
            return (
                f"Nothing was delivered: there is no {what} below {self.spec.inputs.integration} "
                f"that holds a part of {self.interval}."
            )
        if account.rows_in == 0:
            return "The batch is empty: its files hold no rows."
        if account.rows_used == 0 and account.rows_quarantined:
            rows = counted(account.rows_quarantined, "row is", "rows are")
            return f"All {rows} quarantined; the quarantine table says why."
        if account.rows_used == 0:
            return f"No row is a flow: {', '.join(f'{rows} {kind}' for kind, rows in account.rows_not_flows.items())}."
        if account.records:
            return (
                f"{account.records_unpaired} of {counted(account.records, 'record')} of one direction "
                f"({account.unpaired_share:.1%}) could not be paired."
            )
        return None


def _write_here(
    spec: DeltaBuilderSpec, interval: Interval, folders: Sequence[MiniBatch], writer: PartitionWriter
) -> tuple[RowAccount, Mapping[str, int]]:
    read = _read(spec, interval, folders, writer)
    for built in deltas_in_parts(read.flows, spec.port_classes, spec.short_session_seconds):
        writer.write_all([(built.peer_deltas, PEER_DELTAS), (built.deltas, DELTAS)])
    quarantined = writer.tables[QUARANTINE.name].rows
    account = RowAccount(
        rows_in=read.rows + quarantined + sum(read.not_flows.values()),
        rows_used=read.rows - read.repeated,
        rows_quarantined=quarantined,
        rows_repeated=read.repeated,
        rows_not_flows=read.not_flows,
        records=read.records,
        records_unpaired=read.unpaired,
        rows_of_other_times=read.of_other_times,
    )
    return account, read.recognised


class _Interval(NamedTuple):
    """The flows of an interval, and the account of the rows that they come from."""

    flows: pa.Table
    rows: int
    repeated: int
    not_flows: Counter[str]
    records: int
    unpaired: int
    of_other_times: int
    recognised: Counter[str]


def _read(
    spec: DeltaBuilderSpec, interval: Interval, folders: Sequence[MiniBatch], writer: PartitionWriter
) -> _Interval:
    """Return the interval's flows; rows for quarantine are written as they are read."""
    flows: list[list[pa.Table]] = [[FLOW_COLUMNS.empty_table()] for _ in folders]
    records: list[list[pa.Table]] = [[RECORD_COLUMNS.empty_table()] for _ in folders]
    rows, others, not_flows, recognised = 0, 0, Counter[str](), Counter[str]()
    with QuarantineFiles(writer) as quarantine:
        for place, folder in enumerate(folders):
            for part in delivered_flows(spec, interval, folder):
                flows[place].append(part.flows)
                records[place].append(part.records)
                quarantine.add(part.quarantined)
                rows += part.rows_used
                others += part.of_other_times
                not_flows.update(part.not_flows)
                recognised.update(part.recognised)
    shared = delivery_numbers(folders)
    whole, repeated = _united(flows, shared, FLOW_COLUMNS)
    whole = each_session(whole)
    of_one_direction, repeated_records = _united(records, shared, RECORD_COLUMNS)
    pairs = paired(of_one_direction)
    together = pa.concat_tables([whole, pairs.flows]).unify_dictionaries()
    repeated += repeated_records + pairs.repeated
    return _Interval(together, rows, repeated, not_flows, pairs.allowed, pairs.unpaired, others, recognised)


def _united(tables: list[list[pa.Table]], numbers: Sequence[int | None], schema: pa.Schema) -> tuple[pa.Table, int]:
    """Return the rows of all deliveries without repetitions, and how many these were."""
    alone = [table for number, of_folder in zip(numbers, tables, strict=True) if number is None for table in of_folder]
    shared = [
        (number, _concatenated(of_folder))
        for number, of_folder in zip(numbers, tables, strict=True)
        if number is not None
    ]
    repeated = 0
    if shared:
        together = _concatenated([table for _, table in shared])
        delivery = np.repeat([number for number, _ in shared], [table.num_rows for _, table in shared])
        kept = unrepeated(together, delivery)
        alone, repeated = [*alone, together.filter(pa.array(kept))], int(len(kept) - kept.sum())
    whole = _concatenated([schema.empty_table(), *alone])
    if ROW_ID in whole.schema.names:
        first = distinct_by_id(whole)
        whole, repeated = whole.filter(pa.array(first)).drop_columns([ROW_ID]), repeated + int(len(first) - first.sum())
    return whole, repeated


def _concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables, promote_options="default").unify_dictionaries()
