"""The flows of an interval in a mini-batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import QUARANTINE
from ndr.contract.jobspecs.delta_builder import AUTO, DeltaBuilderSpec
from ndr.contract.time import Interval
from ndr.jobs.deltas.block import Read
from ndr.jobs.deltas.files import JSON
from ndr.jobs.deltas.mini_batches import MiniBatch
from ndr.jobs.deltas.read import reads_of
from ndr.jobs.deltas.sessions import RECORD_COLUMNS, by_direction
from ndr.sources.integration.columns import FLOW_COLUMNS
from ndr.sources.integration.validity import split
from ndr.sources.registry import Recognised
from ndr.store.schema import arrow_schema
from ndr.store.storage import filesystem

_ROWS: Final = 1 << 16


class Delivered(NamedTuple):
    """Rows of a mini-batch that belong to an interval.

    `flows` (`FLOW_COLUMNS`, and `sessions` where rows stand for several flows), `records` of one direction, which are
    to be paired (`RECORD_COLUMNS`), rows for quarantine, in how many rows the flows and records stand, how many rows
    are not flows, by kind, and how many rows of the same files belong to other intervals. Where each file's source is
    recognised, `recognised` counts the files by what they were taken for and how sure that is.
    """

    flows: pa.Table
    records: pa.Table
    quarantined: pa.Table
    rows_used: int
    not_flows: Mapping[str, int]
    of_other_times: int
    recognised: Mapping[str, int] = {}


def delivered_flows(
    spec: DeltaBuilderSpec, interval: Interval, folder: MiniBatch, threads: int = 2
) -> Iterator[Delivered]:
    """Read the files of a mini-batch and part its rows of an interval into flows and rows for quarantine.

    A row is of the interval that holds its `event_start`. One that starts outside of the mini-batch, or tells no
    start, or is not a flow, is of the interval that holds the mini-batch's `account_at`. So each row is in one
    interval's account, and `of_other_times` counts it in the others.

    Yields
    ------
    Delivered
        Of some ten thousand rows each, in the order of the files.

    Raises
    ------
    InvalidRequestError, SchemaMismatchError
        A file is missing, damaged or of other columns.
    """
    system = filesystem(folder.uri)[0]
    if folder.is_out_of_batch:
        spec = own_rows(spec)
    is_whole = folder.interval.intersection(interval) == folder.interval
    accounts = folder.account_at in interval
    told: list[Recognised] = []
    for rows, not_flows in _together(reads_of(system, folder.paths, spec, threads, told=told.append)):
        of_interval = rows if is_whole else rows.filter(_of(rows["event_start"], interval, folder))
        parts = split(of_interval, folder.interval)
        flows, records = by_direction(parts.flows)
        used = flows.num_rows + records.num_rows
        others = rows.num_rows - of_interval.num_rows
        yield Delivered(flows, records, parts.quarantined, used, not_flows if accounts else Counter(), others)
    if spec.inputs.source == AUTO:
        taken = Counter(f"{each.source.name}, certainty {each.certainty:.2f}" for each in told)
        none = FLOW_COLUMNS.empty_table()
        yield Delivered(none, RECORD_COLUMNS.empty_table(), arrow_schema(QUARANTINE).empty_table(), 0, {}, 0, taken)


def own_rows(spec: DeltaBuilderSpec) -> DeltaBuilderSpec:
    """Return the spec by which this job reads the rows that it has written itself."""
    inputs = spec.inputs.model_copy(update={"source": "integration"})
    own = {"inputs": inputs, "field_mapping": {}, "value_mapping": {}, "input_format": JSON, "time_zone": None}
    return spec.model_copy(update=own)


def _together(reads: Iterable[Read]) -> Iterator[tuple[pa.Table, Counter[str]]]:
    """Put small tables together, because judging rows costs by the table."""
    held: list[pa.Table] = []
    not_flows: Counter[str] = Counter()
    for read in reads:
        held.append(read.table)
        not_flows.update(read.not_flows)
        if sum(each.num_rows for each in held) >= _ROWS:
            yield _one(held), not_flows
            held, not_flows = [], Counter()
    if held:
        yield _one(held), not_flows


def _one(tables: list[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables, promote_options="default").unify_dictionaries()


def _of(starts: pa.ChunkedArray, interval: Interval, folder: MiniBatch) -> pa.Array:
    inside = _within(starts, folder.interval)
    of_interval = _within(starts, interval) & inside
    return pa.array(of_interval | ~inside if folder.account_at in interval else of_interval)


def _within(starts: pa.ChunkedArray, interval: Interval) -> np.ndarray:
    first, last = (pa.scalar(instant, starts.type) for instant in (interval.start, interval.end))
    within = pc.and_(pc.greater_equal(starts, first), pc.less(starts, last))
    return np.asarray(pc.fill_null(within, False).to_numpy(), dtype=bool)
