"""The flows of an interval in a mini-batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.time import Interval
from ndr.jobs.deltas.mini_batches import MiniBatch
from ndr.jobs.deltas.read import integration_tables
from ndr.sources.integration.validity import Split, split
from ndr.store.storage import filesystem

_ROWS: Final = 1 << 16


def splits_of_interval(
    spec: DeltaBuilderSpec, interval: Interval, folder: MiniBatch, threads: int = 2
) -> Iterator[Split]:
    """Read the files of a mini-batch and part its rows of an interval into flows and rows for quarantine.

    A row is of the interval that holds its `event_start`. One that starts outside of the mini-batch, or tells no
    start, is of the interval that holds the mini-batch's own. So each row is in one interval's account.

    Yields
    ------
    Split
        Of some ten thousand rows each, in the order of the files.

    Raises
    ------
    InvalidRequestError, SchemaMismatchError
        A file is missing, damaged or of other columns.
    """
    system = filesystem(folder.uri)[0]
    if folder.is_out_of_batch:
        spec = spec.model_copy(update={"field_mapping": {}, "input_format": "JSON"})
    is_whole = folder.interval.intersection(interval) == folder.interval
    for rows in _together(integration_tables(system, folder.paths, spec, threads)):
        of_interval = rows if is_whole else rows.filter(_of(rows["event_start"], interval, folder.interval))
        yield split(of_interval, folder.interval)


def _together(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Put small tables together, because judging rows costs by the table."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(each.num_rows for each in held) >= _ROWS:
            yield pa.concat_tables(held).unify_dictionaries()
            held = []
    if held:
        yield pa.concat_tables(held).unify_dictionaries()


def _of(starts: pa.ChunkedArray, interval: Interval, delivered: Interval) -> pa.Array:
    inside = _within(starts, delivered)
    of_interval = _within(starts, interval) & inside
    return pa.array(of_interval | ~inside if delivered.start in interval else of_interval)


def _within(starts: pa.ChunkedArray, interval: Interval) -> np.ndarray:
    first, last = (pa.scalar(instant, starts.type) for instant in (interval.start, interval.end))
    within = pc.and_(pc.greater_equal(starts, first), pc.less(starts, last))
    return np.asarray(pc.fill_null(within, False).to_numpy(), dtype=bool)
