"""Ingest of Zeek conn logs as integration mini-batches."""

import gzip
import hashlib
import re
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import SLICE, Interval, mini_batch_id
from ndr.local.ingest.logs import find_logs
from ndr.local.ingest.part import SUFFIXES, FileFormat, encode
from ndr.local.ingest.report import IngestedBatch, IngestedFile, IngestReport, Progress
from ndr.local.ingest.spool import Spool
from ndr.sources.zeek import read_conn_log
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
) -> IngestReport:
    """Write the connections of Zeek conn logs as integration mini-batches.

    A connection belongs to the batch that contains its start. Each batch is a folder ``<prefix>/<mini_batch_id>/``
    with one part for each log that has connections in it, and ``_SUCCESS``, written last. The name of a part is a
    digest of its log's content. A log that is ingested again replaces its own parts, and a later log adds parts to the
    batches in which its connections started. Ingest a log after Zeek has closed it: a log that has grown counts as
    another log. Nothing is written before all logs are read. Memory holds four batches, a block of a log and the
    rejected lines, whatever the time range.

    Parameters
    ----------
    source : Path, str or iterable of them
        Logs, or folders that are searched for ``conn*.log*``.
    prefix_uri : str
        The integration prefix, ``s3://bucket/path/`` or ``file:///path/``.
    batch : str or timedelta
        Length of a batch in whole slices: ``15m``, ``1h``, ``1d``.
    file_format : {"parquet", "json"}
        Parquet, or gzip JSON lines.
    progress : callable
        Called after each file is read and after each batch is written.

    Raises
    ------
    InvalidRequestError
        A log is missing, truncated or damaged, the batch is not of whole slices, or the prefix is invalid or not
        writable.
    SchemaMismatchError
        A file is not a conn log.
    """
    logs, length = find_logs(source), _batch_length(batch)
    filesystem(prefix_uri)  # an invalid prefix is refused before the logs are read
    if file_format not in SUFFIXES:
        raise InvalidRequestError(f"The format is {file_format!r}: write parquet or json.")
    with tempfile.TemporaryDirectory(prefix="ndr-ingest-") as folder:
        spool = Spool(Path(folder), length)
        rejects: dict[str, pa.Table] = {}
        files = tuple(_read_all(logs, spool, rejects, progress))
        for source_id, table in rejects.items():
            _put(join(prefix_uri, REJECTED_FOLDER, f"part-{source_id}.json.gz"), encode(table, "json"))
        batches = tuple(_write_all(spool, prefix_uri, file_format, progress))
    return IngestReport(files, batches, join(prefix_uri, REJECTED_FOLDER) + "/" if rejects else None)


def _batch_length(batch: str | timedelta) -> timedelta:
    if isinstance(batch, str):
        match = re.fullmatch(r"([0-9]{1,6})([mhd])", batch)
        length = int(match[1]) * _UNITS[match[2]] if match else timedelta()
    else:
        length = batch
    if length < SLICE or length % SLICE:
        raise InvalidRequestError(f"The batch is {batch!r}: write whole 15-minute slices, as 15m, 1h or 1d.")
    return length


def _read_all(
    logs: list[Path], spool: Spool, rejects: dict[str, pa.Table], progress: Callable[[Progress], None]
) -> Iterator[IngestedFile]:
    seen: dict[str, Path] = {}
    for number, path in enumerate(logs, start=1):
        source_id = _content_id(path)
        if source_id in seen:
            file = IngestedFile(path, 0, 0, duplicate_of=seen[source_id])
        else:
            seen[source_id] = path
            file = _read(path, source_id, spool, rejects)
        yield file
        progress(Progress("read", number, len(logs), path.name, file.rows_in))


def _read(path: Path, source_id: str, spool: Spool, rejects: dict[str, pa.Table]) -> IngestedFile:
    rows, rejected = 0, []
    for block in read_conn_log(path):
        if block.flows.num_rows:
            spool.add(source_id, block.flows)
            rows += block.flows.num_rows
        if block.rejected.num_rows:
            rejected.append(block.rejected)
    if rejected:
        rejects[source_id] = pa.concat_tables(rejected)
    return IngestedFile(path, rows, sum(table.num_rows for table in rejected))


def _content_id(path: Path) -> str:
    # A digest of the decompressed content: Zeek's archive has the same file names in each day's folder, and a log may
    # lie beside its own gzip.
    try:
        with path.open("rb") as file:
            is_gzip = file.read(2) == b"\x1f\x8b"
        digest = hashlib.sha256()
        with gzip.open(path) if is_gzip else path.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]  # damaged: reading it says so
    except OSError as error:
        raise InvalidRequestError(f"{path} can't be read: {error.strerror or error}.") from error
    return digest.hexdigest()[:16]


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
