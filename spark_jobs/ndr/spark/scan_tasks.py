"""Published files as tasks to read: by row groups, so that one large file does not hold up the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from ndr.contract.datasets import Dataset
from ndr.contract.time import Interval
from ndr.spark.parts import runs
from ndr.store.footer import PublishedFile
from ndr.store.publish import ROW_GROUP_ROWS
from ndr.store.scan import Scan, row_groups

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

    def tables(self) -> Iterator[pa.Table]:
        return row_groups(
            self.file.uri, self.interval, self.dataset, self.columns, self.share, self.shares, published=self.file
        )


def file_shares(name: str, scan: Scan) -> list[FileShare]:
    """Return the files of a scan in shares of about a row group."""
    shares = []
    for file, interval in scan.published_files():
        count = max(1, -(-file.rows // ROW_GROUP_ROWS))
        shares += [
            FileShare(name, scan.dataset, scan.columns, file, interval, file.rows // count, number, count)
            for number in range(count)
        ]
    return shares


def tables_of(shares: Sequence[FileShare]) -> Iterator[tuple[str, pa.Table]]:
    """Read shares; consecutive small ones of a name become one table, because few messages cost less."""
    held: list[pa.Table] = []
    held_rows = 0
    for place, share in enumerate(shares):
        for table in share.tables():
            held.append(table)
            held_rows += table.num_rows
            if held_rows >= TASK_ROWS:
                yield share.name, pa.concat_tables(held)
                held, held_rows = [], 0
        if held and (place + 1 == len(shares) or shares[place + 1].name != share.name):
            yield share.name, pa.concat_tables(held)
            held, held_rows = [], 0


def in_tasks(spark: SparkSession, shares: Sequence[FileShare]) -> list[list[FileShare]]:
    """Assign shares to reading tasks: consecutive ones together, up to `TASK_ROWS` or an equal part for each core."""
    rows = [share.rows for share in shares]
    cores = spark.sparkContext.defaultParallelism
    return [list(shares[run.start : run.stop]) for run in runs(rows, min(TASK_ROWS, sum(rows) // cores))]
