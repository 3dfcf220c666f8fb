"""The flows of an interval in a mini-batch."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.time import Interval
from ndr.jobs.deltas.mini_batches import MiniBatch
from ndr.jobs.deltas.read import read_integration
from ndr.sources.integration.validity import Split, split
from ndr.store.storage import filesystem


def flows_of_interval(spec: DeltaBuilderSpec, interval: Interval, folder: MiniBatch, threads: int = 2) -> Split:
    """Read the files of a mini-batch and part its rows of an interval into flows and rows for quarantine.

    A row is of the interval that holds its `event_start`. One that starts outside of the mini-batch, or tells no
    start, is of the interval that holds the mini-batch's own. So each row is in one interval's account.

    Raises
    ------
    InvalidRequestError, SchemaMismatchError
        A file is missing, damaged or of other columns.
    """
    system = filesystem(folder.uri)[0]
    if folder.is_out_of_batch:
        spec = spec.model_copy(update={"field_mapping": {}, "input_format": "JSON"})
    rows = read_integration(system, folder.paths, spec, threads)
    if folder.interval.intersection(interval) != folder.interval:
        rows = rows.filter(_of(rows["event_start"], interval, folder.interval))
    return split(rows, folder.interval)


def _of(starts: pa.ChunkedArray, interval: Interval, delivered: Interval) -> pa.Array:
    inside = _within(starts, delivered)
    of_interval = _within(starts, interval) & inside
    return pa.array(of_interval | ~inside if delivered.start in interval else of_interval)


def _within(starts: pa.ChunkedArray, interval: Interval) -> np.ndarray:
    first, last = (pa.scalar(instant, starts.type) for instant in (interval.start, interval.end))
    within = pc.and_(pc.greater_equal(starts, first), pc.less(starts, last))
    return np.asarray(pc.fill_null(within, False).to_numpy(), dtype=bool)
