"""The report of an ingest: files read, batches written, and the account of all rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ndr.contract.time import Interval
from ndr.local.ingest.logs import LeftOut


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """A log with `rows_out` flows, `rejected` rows and rows that are not flows, by kind.

    `source` is what it was read as, and `certainty`, in [0, 1], how sure that is. A copy of an earlier log
    (`duplicate_of`) is not read.
    """

    path: str
    rows_out: int
    rejected: int
    duplicate_of: str | None = None
    not_flows: dict[str, int] = field(default_factory=dict)
    source: str = ""
    certainty: float = 1.0

    @property
    def rows_in(self) -> int:
        return self.rows_out + self.rejected + sum(self.not_flows.values())


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
    """All files and batches of an ingest.

    `rejected_uri` is the folder of the rejected rows, or None without any. `bad` has a sentence for each log that could
    not be read to its end, or of which no row could be used. `left_out` has the files of folders that were not read,
    `local_addresses` those that Zeek logs call local.
    """

    files: tuple[IngestedFile, ...]
    batches: tuple[IngestedBatch, ...]
    rejected_uri: str | None
    bad: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    local_addresses: frozenset[str] = frozenset()

    @property
    def rows_in(self) -> int:
        """Rows of the logs, which equal `rows_out` + `rejected` + `not_flows`."""
        return sum(file.rows_in for file in self.files)

    @property
    def rows_out(self) -> int:
        """Flows in the mini-batches."""
        return sum(batch.rows for batch in self.batches)

    @property
    def rejected(self) -> int:
        """Rows that are not valid flows."""
        return sum(file.rejected for file in self.files)

    @property
    def not_flows(self) -> int:
        """Rows that are something else than flows."""
        return sum(sum(file.not_flows.values()) for file in self.files)


@dataclass(frozen=True, slots=True)
class Progress:
    """A finished step: number `done` of `total` files read or batches written, with its name and rows."""

    stage: Literal["read", "write"]
    done: int
    total: int
    name: str
    rows: int
