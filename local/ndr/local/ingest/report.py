"""What an ingest did: files read, batches written, every row accounted for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ndr.contract.time import Interval


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """A log that was read: `rows_out` flows and `rejected` lines. A copy of an earlier file is named and not read."""

    path: Path
    rows_out: int
    rejected: int
    duplicate_of: Path | None = None

    @property
    def rows_in(self) -> int:
        return self.rows_out + self.rejected


@dataclass(frozen=True, slots=True)
class IngestedBatch:
    """A mini-batch that was written to: where, for which interval, and how many rows this ingest put there.

    `was_complete` says that an earlier ingest had finished it: what was built from it then lacks rows that are new.
    """

    mini_batch_id: str
    interval: Interval
    rows: int
    uri: str
    was_complete: bool


@dataclass(frozen=True, slots=True)
class IngestReport:
    """All files and batches of an ingest; `rejected_uri` is where the rejected lines are kept, None without any."""

    files: tuple[IngestedFile, ...]
    batches: tuple[IngestedBatch, ...]
    rejected_uri: str | None

    @property
    def rows_in(self) -> int:
        """Rows of the logs; always `rows_out` + `rejected`."""
        return sum(file.rows_in for file in self.files)

    @property
    def rows_out(self) -> int:
        """Flows in the mini-batches."""
        return sum(batch.rows for batch in self.batches)

    @property
    def rejected(self) -> int:
        """Lines that can't be read as flows."""
        return sum(file.rejected for file in self.files)


@dataclass(frozen=True, slots=True)
class Progress:
    """One step done: the `done`-th of `total` files read or batches written, its name and its rows."""

    stage: Literal["read", "write"]
    done: int
    total: int
    name: str
    rows: int
