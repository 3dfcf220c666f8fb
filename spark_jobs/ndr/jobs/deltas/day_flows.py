"""The flows of one UTC day in a mini-batch."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.time import Interval
from ndr.jobs.deltas.mini_batches import MiniBatch
from ndr.jobs.deltas.read import read_integration
from ndr.sources.integration.validity import Split, split
from ndr.store.storage import filesystem


def flows_of_day(spec: DeltaBuilderSpec, day: Interval, folder: MiniBatch, threads: int = 2) -> Split:
    """Read the files of a mini-batch and part them into the day's flows and the rows quarantined with this day.

    A folder of several days is read once a day; its unusable rows go with its first day.

    Raises
    ------
    InvalidRequestError, SchemaMismatchError
        A file is missing, damaged or of other columns.
    """
    system = filesystem(folder.uri)[0]
    if folder.is_late:
        spec = spec.model_copy(update={"field_mapping": {}, "input_format": "JSON"})
    used, set_aside = split(read_integration(system, folder.paths, spec, threads), folder.interval)
    if folder.interval.intersection(day) != folder.interval:
        used = used.filter(_starts_within(used, day))
        set_aside = set_aside if folder.interval.start in day else set_aside.slice(0, 0)
    return Split(used, set_aside)


def _starts_within(flows: pa.Table, day: Interval) -> pa.ChunkedArray:
    starts = flows["event_start"]
    first, last = (pa.scalar(instant, starts.type) for instant in (day.start, day.end))
    return pc.and_(pc.greater_equal(starts, first), pc.less(starts, last))
