"""Whether logs have a connection of a day that is over, found without reading more of them than that takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.errors import NdrError
from ndr.contract.jobspecs.delta_builder import AUTO
from ndr.jobs.deltas.bad_files import BadFiles
from ndr.jobs.deltas.read import reads_of
from ndr.local.ingest.logs import Log
from ndr.local.ingest.read import ALL_TIME, spec_of_logs
from ndr.sources.integration.validity import split
from ndr.store.storage import filesystem


@dataclass(frozen=True)
class Started:
    """How many connections of logs started from an instant on, and when the first of them did."""

    connections: int
    first: datetime


def all_since(logs: Iterable[Log], instant: datetime, time_zone: str | None) -> Started | None:
    """Return the connections of logs if all of them started at `instant` or later; None if one did before.

    None is also the answer where no connection can be read: reading the logs for good says what is wrong with them.

    Parameters
    ----------
    logs : iterable of Log
    instant : datetime
        After a connection that started before it, the rest of the logs is not read.
    time_zone : str or None
        IANA zone of the times that tell none.
    """
    connections, first = 0, None
    for starts in _starts(logs, time_zone):
        least = datetime.fromtimestamp(pc.min(starts).cast(pa.int64()).as_py() / 1e6, UTC)
        if least < instant:
            return None
        connections += len(starts)
        first = least if first is None else min(first, least)
    return Started(connections, first) if first else None


def _starts(logs: Iterable[Log], time_zone: str | None) -> Iterator[pa.ChunkedArray]:
    spec = spec_of_logs(AUTO, time_zone)
    for log in logs:
        system, path = filesystem(log.uri)
        with suppress(NdrError, OSError):
            for read in reads_of(system, [path], spec, bad=BadFiles()):
                flows = split(read.table, ALL_TIME).flows
                if flows.num_rows:
                    yield flows["event_start"]
