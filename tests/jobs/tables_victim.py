"""A process that publishes slices and registers them, again and again, each time in a child that is killed at a write.

Run as: tables_victim.py PREFIX. Each line of its input is `FIRST LAST NUMBER`: slices FIRST to LAST are published with
NUMBER of flows and registered, or compacted where NUMBER is `compact`; or `FIRST LAST NUMBER EVENT`, and the child dies
by SIGKILL at that event. Each line of its output is `killed` or `done`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.manifest import Owner
from ndr.contract.tables import TABLES_CATALOG, TablesCatalog
from ndr.contract.time import EPOCH, SLICE, Interval
from ndr.store import unregistered as unregistered_commits
from ndr.store.catalog import published_pieces
from ndr.store.compaction import Compaction, stretches
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema
from ndr.store.unregistered import unregistered
from ndr.tables import file_io
from ndr.tables.catalog import open_catalog
from ndr.tables.register import register
from ndr.tables.slices import Slices

FACTS = {"project_name": "p", "feature_spec_version": "v1", "code_version": "c"}
DATABASE = "ndr_p_v1"
WRITES: tuple[tuple[Any, str], ...] = (
    (pq, "ParquetWriter"),
    (os, "replace"),  # of each file that is put
    (unregistered_commits, "delete_file"),
    (file_io, "delete_file"),
    (SqlCatalog, "create_table"),
    (SqlCatalog, "commit_table"),
)
"""All that writes."""


def slices(first: int, last: int) -> Interval:
    return Interval(EPOCH + first * SLICE, EPOCH + last * SLICE)


def publish(prefix: str, interval: Interval, number: int) -> None:
    """Publish two hosts' pair counts, so that a file has rows of several slices and keys."""
    row = {"dst_ip": "10.0.0.2", "dst_port": 53, "sessions_cnt": number, "src_bytes_sum": 1}
    rows = [
        row | {"src_ip": f"10.0.0.{host}", "slice_start": each.start}
        for host in (1, 3)
        for each in interval.steps(SLICE)
    ]
    table = pa.Table.from_pylist(rows, arrow_schema(PAIR_COUNTS))
    writer = PartitionWriter(time_partition_uri(prefix, interval))
    writer.write(table.sort_by([(name, "ascending") for name in PAIR_COUNTS.key]), PAIR_COUNTS)
    writer.commit(dataset="pair_counts", start=interval.start, end=interval.end, **FACTS)


def compact(prefix: str, interval: Interval) -> None:
    """Compact what is published of slices without a gap."""
    for stretch in stretches(published_pieces(prefix, interval)):
        if not stretch.is_compact:
            Compaction.of(prefix, stretch, (PAIR_COUNTS,)).publish(lambda _: None, {}, **FACTS)


def register_all(prefix: str) -> None:
    """Register what is announced, in the catalog of the environment."""
    configured, of = TablesCatalog.in_environment(), Slices("pair_counts", prefix, (PAIR_COUNTS,), Owner("p", "v1"))
    assert configured
    if commits := unregistered(prefix):
        with open_catalog(configured) as catalog:
            register(catalog, DATABASE, of, commits)


def _die_at(last: int) -> None:
    """Let this process be killed before or after one of its writes."""
    met = 0

    def meet() -> None:
        nonlocal met
        met += 1
        if met == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def mortal(write: Callable[..., Any]) -> Callable[..., Any]:
        def written(*arguments: Any, **options: Any) -> Any:
            meet()
            outcome = write(*arguments, **options)
            meet()
            return outcome

        return written

    for owner, name in WRITES:
        setattr(owner, name, mortal(getattr(owner, name)))


def _live(prefix: str, first: str, last: str, what: str, event: str | None = None) -> None:
    if event:
        _die_at(int(event))
    if what == "compact":
        compact(prefix, slices(int(first), int(last)))
    else:
        publish(prefix, slices(int(first), int(last)), int(what))
    register_all(prefix)


def _warm_up() -> None:
    """Publish and register elsewhere, so that no child pays for what is done once a process."""
    known = os.environ[TABLES_CATALOG]
    with TemporaryDirectory() as folder:
        os.environ[TABLES_CATALOG] = f"sqlite:///{folder}/tables.db"
        for number in range(2):
            publish(f"file://{folder}/pair_counts/", slices(0, 1), number)
            register_all(f"file://{folder}/pair_counts/")
    os.environ[TABLES_CATALOG] = known


def main() -> None:
    """Serve the lines of the input."""
    _warm_up()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _live(sys.argv[1], *line.split())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status not in (0, signal.SIGKILL):
            raise SystemExit(f"{line.strip()} ended with {status}")
        print("killed" if status else "done", flush=True)


if __name__ == "__main__":
    main()
