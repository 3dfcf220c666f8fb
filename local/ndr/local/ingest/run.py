"""Ingest of logs as integration mini-batches."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

from pyarrow import fs

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.delta_builder import AUTO
from ndr.contract.time import SLICE, Interval, mini_batch_id
from ndr.local.ingest.logs import find_logs
from ndr.local.ingest.part import SUFFIXES, FileFormat, encode
from ndr.local.ingest.read import ReadLogs
from ndr.local.ingest.report import IngestedBatch, IngestReport, Progress
from ndr.local.ingest.spool import Spool
from ndr.store.storage import filesystem, join, list_names, put_bytes

REJECTED_FOLDER = "_rejected"
SUCCESS = "_SUCCESS"
_WRITERS = 4
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def ingest(
    source: Path | str | Iterable[Path | str],
    prefix_uri: str,
    batch: str | timedelta = "15m",
    file_format: FileFormat = "parquet",
    progress: Callable[[Progress], None] = lambda step: None,
    log_source: str = AUTO,
    time_zone: str | None = None,
) -> IngestReport:
    """Write the flows of logs as integration mini-batches.

    A flow belongs to the batch that contains its start. Each batch is a folder ``<prefix>/<mini_batch_id>/``
    with one part for each log that has flows in it, and ``_SUCCESS``, written last. The name of a part is a
    digest of its log's content. A log that is ingested again replaces its own parts, and a later log adds parts to the
    batches in which its flows started. Ingest a log after it was closed: a log that has grown counts as
    another log. Nothing is written before all logs are read. Memory holds four batches, some blocks of a log and the
    rejected rows, whatever the time range.

    Parameters
    ----------
    source : Path, str or iterable of them
        Logs, folders that are searched for logs, and patterns; also ``s3://``.
    prefix_uri : str
        The integration prefix, ``s3://bucket/path/`` or ``file:///path/``.
    batch : str or timedelta
        Length of a batch in whole slices: ``15m``, ``1h``, ``1d``.
    file_format : {"parquet", "json"}
        Parquet, or gzip JSON lines.
    progress : callable
        Called after each file is read and after each batch is written.
    log_source : str
        Of which source the logs are, as `inputs.source` of the delta_builder JobSpec; by default each is recognised.
    time_zone : str or None
        IANA zone of the times that tell none.

    Returns
    -------
    IngestReport
        `bad` names the logs that could not be read to their end; what stands before the damage is used.

    Raises
    ------
    InvalidRequestError
        A log is missing, the batch is not of whole slices, or the prefix is invalid or not writable.
    SchemaMismatchError
        No log could be read: the message names all and what is wrong with each.
    """
    (logs, left_out), length = find_logs(source), _batch_length(batch)
    filesystem(prefix_uri)  # an invalid prefix is refused before the logs are read
    if file_format not in SUFFIXES:
        raise InvalidRequestError(f"The format is {file_format!r}: write parquet or json.")
    with tempfile.TemporaryDirectory(prefix="ndr-ingest-") as folder:
        spool = Spool(Path(folder), length)
        read = ReadLogs(spool, log_source, time_zone)
        files = tuple(read.all(logs, progress))
        for source_id, table in read.rejected.items():
            _put(join(prefix_uri, REJECTED_FOLDER, f"part-{source_id}.json.gz"), encode(table, "json"))
        if not any(file.rows_out for file in files):
            read.bad.raise_first()
        batches = tuple(_write_all(spool, prefix_uri, file_format, progress))
    rejected_uri = join(prefix_uri, REJECTED_FOLDER) + "/" if read.rejected else None
    bad, local = tuple(map(str, read.bad.errors)), frozenset(read.local)
    return IngestReport(files, batches, rejected_uri, bad, tuple(left_out), local)


def _batch_length(batch: str | timedelta) -> timedelta:
    if isinstance(batch, str):
        match = re.fullmatch(r"([0-9]{1,6})([mhd])", batch)
        length = int(match[1]) * _UNITS[match[2]] if match else timedelta()
    else:
        length = batch
    if length < SLICE or length % SLICE:
        raise InvalidRequestError(f"The batch is {batch!r}: write whole 15-minute slices, as 15m, 1h or 1d.")
    return length


def _write_all(
    spool: Spool, prefix_uri: str, file_format: FileFormat, progress: Callable[[Progress], None]
) -> Iterator[IngestedBatch]:
    intervals = spool.batches()
    with ThreadPoolExecutor(_WRITERS) as writers:
        written = writers.map(partial(_write, spool, prefix_uri, file_format), intervals)
        for number, batch in enumerate(written, start=1):
            yield batch
            progress(Progress("write", number, len(intervals), batch.mini_batch_id, batch.rows))


def _write(spool: Spool, prefix_uri: str, file_format: FileFormat, interval: Interval) -> IngestedBatch:
    batch_id, rows = mini_batch_id(interval), 0
    folder = join(prefix_uri, batch_id)
    present = set(list_names(folder, kind=fs.FileType.File))
    for source_id, flows in spool.parts(interval):
        _put(join(folder, f"part-{source_id}{SUFFIXES[file_format]}"), encode(flows, file_format))
        rows += flows.num_rows
        for other, suffix in SUFFIXES.items():  # left by an earlier ingest of the same log in the other format
            if other != file_format and f"part-{source_id}{suffix}" in present:
                system, path = filesystem(join(folder, f"part-{source_id}{suffix}"))
                system.delete_file(path)
    _put(join(folder, SUCCESS), b"")
    return IngestedBatch(batch_id, interval, rows, folder + "/", SUCCESS in present)


def _put(uri: str, content: bytes) -> None:
    try:
        put_bytes(uri, content)
    except OSError as error:
        raise InvalidRequestError(f"{uri} can't be written: {error}. Name a prefix that you may write to.") from error
