"""Published files as tasks to read: by row groups, so that one large file does not hold up the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from ndr.contract.datasets import Dataset
from ndr.contract.time import Interval
from ndr.spark.parts import runs
from ndr.store.asked import Asked
from ndr.store.footer import PublishedFile
from ndr.store.publish import ROW_GROUP_ROWS
from ndr.store.read_ahead import Fetched, in_bundles, read_ahead
from ndr.store.rows import fetch_rows, is_small
from ndr.store.scan import Scan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TASK_ROWS: Final = 2 * ROW_GROUP_ROWS


@dataclass(frozen=True, slots=True)
class FileShare:
    """One of `shares` equal shares of a file's row groups, to be read under a name."""

    name: str
    dataset: Dataset
    columns: tuple[str, ...]
    file: PublishedFile
    interval: Interval | None
    rows: int
    share: int
    shares: int

    def fetch(self) -> Fetched:
        return fetch_rows(self.file, self.interval, _asked(self.dataset, self.columns), self.share, self.shares)


@lru_cache
def _asked(dataset: Dataset, columns: tuple[str, ...]) -> Asked:
    return Asked(dataset, columns)


def file_shares(name: str, scan: Scan) -> list[FileShare]:
    """Return the files of a scan in shares of about a row group; a small file is read whole, so it is one share."""
    shares = []
    for file, interval in scan.published_files():
        count = 1 if is_small(file) else max(1, -(-file.rows // ROW_GROUP_ROWS))
        shares += [
            FileShare(name, scan.dataset, scan.columns, file, interval, file.rows // count, number, count)
            for number in range(count)
        ]
    return shares


def tables_of(shares: Sequence[FileShare]) -> Iterator[tuple[str, pa.Table]]:
    """Read shares, many small ones at once; consecutive ones of a name become one table: few messages cost less."""
    wanted = list(in_bundles(shares, lambda share: share.rows, TASK_ROWS, lambda share: share.name))
    for bundle, table in zip(wanted, read_ahead(wanted, FileShare.fetch), strict=True):
        yield bundle[0].name, table


def in_tasks(spark: SparkSession, shares: Sequence[FileShare]) -> list[list[FileShare]]:
    """Assign shares to reading tasks: consecutive ones together, up to `TASK_ROWS` or an equal part for each core."""
    rows = [share.rows for share in shares]
    cores = spark.sparkContext.defaultParallelism
    return [list(shares[run.start : run.stop]) for run in runs(rows, min(TASK_ROWS, sum(rows) // cores))]
