"""The report of an ingest: files read, batches written, and the account of all rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ndr.contract.time import Interval


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """A log with `rows_out` flows and `rejected` lines. A copy of an earlier log (`duplicate_of`) is not read."""

    path: Path
    rows_out: int
    rejected: int
    duplicate_of: Path | None = None

    @property
    def rows_in(self) -> int:
        return self.rows_out + self.rejected


@dataclass(frozen=True, slots=True)
class IngestedBatch:
    """A written mini-batch: its id, interval and URI, and the number of rows from this ingest.

    `was_complete` tells that an earlier ingest completed it. Data built from it may lack the new rows.
    """

    mini_batch_id: str
    interval: Interval
    rows: int
    uri: str
    was_complete: bool


@dataclass(frozen=True, slots=True)
class IngestReport:
    """All files and batches of an ingest. `rejected_uri` is the folder of the rejected lines, or None without any."""

    files: tuple[IngestedFile, ...]
    batches: tuple[IngestedBatch, ...]
    rejected_uri: str | None

    @property
    def rows_in(self) -> int:
        """Rows of the logs, which equal `rows_out` + `rejected`."""
        return sum(file.rows_in for file in self.files)

    @property
    def rows_out(self) -> int:
        """Flows in the mini-batches."""
        return sum(batch.rows for batch in self.batches)

    @property
    def rejected(self) -> int:
        """Lines that are not valid flows."""
        return sum(file.rejected for file in self.files)


@dataclass(frozen=True, slots=True)
class Progress:
    """A finished step: number `done` of `total` files read or batches written, with its name and rows."""

    stage: Literal["read", "write"]
    done: int
    total: int
    name: str
    rows: int
