"""Slices of one table registered one after the other, and what each registration cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.manifest import FORMAT, FileEntry, Manifest, Owner, TableEntry
from ndr.contract.tables import TablesCatalog
from ndr.contract.time import DAY, SLICE, Interval, floor_to
from ndr.store.footer import schema_sha256
from ndr.store.manifest import put_manifest
from ndr.store.partition import day_folder, time_partition_uri
from ndr.store.publish import new_run_id
from ndr.store.schema import arrow_schema
from ndr.store.storage import delete_folder, join
from ndr.store.unregistered import Commit
from ndr.tables import file_io
from ndr.tables.catalog import open_catalog
from ndr.tables.register import register
from ndr.tables.slices import Slices
from ndr.tables.sweep import sweep

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
DATABASE: Final = "ndr_year_v1"


@dataclass
class Cost:
    """Of one registration: requests for the table's metadata, bytes of these, processor seconds of the process."""

    requests: int = 0
    bytes: int = 0
    cpu_seconds: float = 0.0


def register_slices(folder: Path, count: int, is_compacted: bool) -> Iterator[Cost]:
    """Register slices in an SQLite catalog; a registration reads manifests and no data, so only these are published.

    Parameters
    ----------
    is_compacted : bool
        Whether each day that is over becomes one partition, which is registered as well; its cost is not yielded. The
        table's folders are swept each day.
    """
    of = Slices("pair_counts", f"{folder.as_uri()}/pair_counts/", (PAIR_COUNTS,), Owner("year", "v1"))
    with open_catalog(TablesCatalog("ndr", f"sqlite:///{folder}/tables.db")) as catalog:
        for number in range(count):
            part = Interval(START + number * SLICE, START + (number + 1) * SLICE)
            commit = _publish(of.prefix, part)
            with counted() as cost:
                register(catalog, DATABASE, of, [commit])
            yield cost
            day = Interval(floor_to(part.start, DAY), part.end)
            if part.end == floor_to(part.end, DAY):
                _finish_day(of.prefix, day)
                if is_compacted:
                    register(catalog, DATABASE, of, [_publish(of.prefix, day)])
                list(sweep(catalog, DATABASE, of, datetime.now(UTC) + 3 * DAY))


def _publish(prefix: str, part: Interval) -> Commit:
    """Put the manifest of a partition with one file, which is never read."""
    run_id, uri = new_run_id(), time_partition_uri(prefix, part)
    file = FileEntry(path=f"{run_id}/pair_counts-00000.parquet", rows=1000, bytes=50_000)
    table = TableEntry(rows=1000, schema_sha256=schema_sha256(arrow_schema(PAIR_COUNTS)), files=(file,))
    facts = {"project_name": "year", "feature_spec_version": "v1", "code_version": "c", "format": FORMAT}
    put_manifest(uri, Manifest(
        dataset="pair_counts", start=part.start, end=part.end, tables={"pair_counts": table}, run_id=run_id,
        published_at=datetime.now(UTC), **facts,
    ))  # fmt: skip
    return Commit("/".join(uri.split("/")[-2:]), run_id)


def _finish_day(prefix: str, day: Interval) -> None:
    """Delete the manifests of a day's slices, which the disk need not hold any more."""
    delete_folder(join(prefix, day_folder(day.start)))


@contextmanager
def counted() -> Iterator[Cost]:
    """Count what is asked of the store by the tables' library while the body runs."""
    cost, before = Cost(), (file_io.read_bytes, file_io.put_bytes, file_io.delete_file)

    def read(uri: str) -> bytes | None:
        content = before[0](uri)
        cost.requests, cost.bytes = cost.requests + 1, cost.bytes + len(content or b"")
        return content

    def put(uri: str, content: bytes) -> None:
        cost.requests, cost.bytes = cost.requests + 1, cost.bytes + len(content)
        before[1](uri, content)

    def delete(uri: str) -> None:
        cost.requests += 1
        before[2](uri)

    file_io.read_bytes, file_io.put_bytes, file_io.delete_file = read, put, delete
    started = time.process_time()
    try:
        yield cost
    finally:
        cost.cpu_seconds = time.process_time() - started
        file_io.read_bytes, file_io.put_bytes, file_io.delete_file = before
