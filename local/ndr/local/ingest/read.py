"""Reading of logs into the spool, with the account of each log's rows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import fs

from ndr.contract.datasets import QUARANTINE
from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.time import Interval, format_instant
from ndr.contract.wording import counted
from ndr.jobs.deltas.bad_files import BadFiles
from ndr.jobs.deltas.read import reads_of
from ndr.local.ingest.logs import Log
from ndr.local.ingest.report import IngestedFile, Progress
from ndr.local.ingest.spool import Spool
from ndr.sources.content import Content, content_digest
from ndr.sources.integration.texts import flow_texts, instant_texts
from ndr.sources.integration.validity import split
from ndr.sources.registry import Recognised
from ndr.sources.zeek.conn import ZEEK
from ndr.sources.zeek.local_ends import local_addresses
from ndr.store.schema import arrow_schema, plain_schema
from ndr.store.storage import filesystem

FURTHEST: Final = timedelta(days=366)
"""From the middle row of a log: a row that starts further away has a wrong clock."""

BEGINNING_BYTES: Final = 4 << 20
"""Decompressed bytes of a Zeek log by which its local addresses are told."""

ALL_TIME: Final = Interval(datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))


def spec_of_logs(log_source: str, time_zone: str | None) -> DeltaBuilderSpec:
    """Return what the delta builder would read the logs by.

    Raises
    ------
    InvalidRequestError
        There is no such source or no such zone.
    """
    prefixes = {
        "inputs": {"integration": "file:///in/", "source": log_source},
        "outputs": {"deltas": "file:///out/"},
    }
    try:
        return DeltaBuilderSpec.model_validate({**prefixes, "time_zone": time_zone})
    except ValueError as error:
        raise InvalidRequestError(f"--source or --time-zone: {str(error).splitlines()[2].strip()}.") from None


class ReadLogs:
    """Reads logs into a spool.

    Parameters
    ----------
    spool : Spool
        Takes the flows.
    log_source : str
        As `inputs.source` of the delta_builder JobSpec.
    time_zone : str or None
        IANA zone of the times that tell none.

    Attributes
    ----------
    rejected : dict of str to pa.Table
        Rows that can't be used, as the QUARANTINE dataset, by the digest of their log's content.
    local : set of str
        Addresses that the beginnings of Zeek logs call local.
    bad : BadFiles
        The logs that can't be read to their end, and those of which no row can be used.
    """

    def __init__(self, spool: Spool, log_source: str, time_zone: str | None) -> None:
        self._spool = spool
        self._spec = spec_of_logs(log_source, time_zone)
        self._seen: dict[str, str] = {}
        self.rejected: dict[str, pa.Table] = {}
        self.local: set[str] = set()
        self.bad = BadFiles()

    def all(self, logs: Sequence[Log], progress: Callable[[Progress], None]) -> Iterator[IngestedFile]:
        """Read logs; one whose decompressed content was read before is a copy."""
        for number, log in enumerate(logs, start=1):
            source_id = _content_id(log)
            if source_id in self._seen:
                file = IngestedFile(log.path, 0, 0, duplicate_of=self._seen[source_id])
            else:
                self._seen[source_id] = log.path
                file = self._read(log, source_id)
            yield file
            progress(Progress("read", number, len(logs), log.name, file.rows_in))

    def _read(self, log: Log, source_id: str) -> IngestedFile:
        system, path = filesystem(log.uri)
        told: list[Recognised] = []
        rows, not_flows = 0, Counter[str]()
        rejected: list[pa.Table] = []
        for read in reads_of(system, [path], self._spec, bad=self.bad, told=told.append):
            parts = split(read.table, ALL_TIME)
            flows = parts.flows.cast(plain_schema(parts.flows.schema))
            if flows.num_rows:
                self._spool.add(source_id, flows)
            rejected.append(parts.quarantined)
            rows += flows.num_rows
            not_flows.update(read.not_flows)
        far, middle = self._spool.remove_far(source_id, FURTHEST)
        if far is not None:
            rejected.append(_as_rejected(log.path, far, middle))
            rows -= far.num_rows
        rejects = pa.concat_tables([arrow_schema(QUARANTINE).empty_table(), *rejected])
        if rejects.num_rows:
            self.rejected[source_id] = _named(rejects, log.path)
            if not rows:
                self.bad.add(_unusable(log.path, rejects))
        recognised = told[0] if told else None
        if recognised and recognised.source is ZEEK:
            self.local |= local_addresses(_beginning(system, path))
        return IngestedFile(
            log.path, rows, rejects.num_rows, None, dict(not_flows),
            recognised.source.name if recognised else "", recognised.certainty if recognised else 0.0,
        )  # fmt: skip


def _as_rejected(path: str, far: pa.Table, middle: datetime) -> pa.Table:
    reason = pc.binary_join_element_wise(
        "far_from_log: event_start",
        instant_texts(far["event_start"].combine_chunks()),
        f"is more than {FURTHEST.days} days from the middle of its log, {format_instant(middle)}",
        " ",
    )
    numbers = pa.nulls(far.num_rows, pa.int64())
    columns = [pa.repeat(path, far.num_rows), numbers, reason, flow_texts(far)]
    return pa.table(columns, schema=arrow_schema(QUARANTINE))


def _named(rejects: pa.Table, path: str) -> pa.Table:
    return rejects.set_column(0, "source_file", pa.repeat(path, rejects.num_rows))


def _unusable(path: str, rejects: pa.Table) -> SchemaMismatchError:
    words = pc.utf8_split_whitespace(rejects["reason"].combine_chunks(), max_splits=1)
    counts = Counter(pc.list_element(words, 0).to_pylist())
    word, count = counts.most_common(1)[0]
    example = next(reason for reason in rejects["reason"].to_pylist() if reason.split(maxsplit=1)[0] == word)
    return SchemaMismatchError(
        f"{path}: none of its {counted(rejects.num_rows, 'row')} can be used. The most frequent reason, of "
        f"{counted(count, 'row')}: "
        f"{example}."
    )


def _beginning(system: fs.FileSystem, path: str) -> bytes:
    content = Content(system, path)
    beginning = b"" if content.is_parquet else content.read(BEGINNING_BYTES)
    content.close()
    return beginning


def _content_id(log: Log) -> str:
    # A digest of the decompressed content: Zeek's archive has the same file names in each day's folder, and a log may
    # lie beside its own gzip.
    system, path = filesystem(log.uri)
    try:
        digest = content_digest(system, path)
    except OSError as error:
        raise InvalidRequestError(f"{log.path} can't be read: {error.strerror or error}.") from error
    return (digest or hashlib.sha256(log.path.encode()).hexdigest())[:16]  # a damaged log is not the same as its whole
