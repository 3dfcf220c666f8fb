"""Which rows could not be used, by reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import DELTAS, QUARANTINE
from ndr.contract.manifest import RowAccount
from ndr.report.published import Published
from ndr.store.catalog import Piece
from ndr.store.scan import Scan

MOST_ROWS: Final = 1_000_000
"""How many rows are read, of the newest partitions; the accounts of the manifests count all."""


@dataclass(frozen=True, slots=True)
class QuarantinedRows:
    """The rows with one reason: its stable word, how many, in how many files, and one of them as an example."""

    reason: str
    rows: int
    files: int
    example: str
    example_file: str
    example_row: int


@dataclass(frozen=True, slots=True)
class Quarantine:
    """What became of the rows that came in.

    `by_reason` has the largest first. `rows_read` says how many rows it counts; it is less than the account says where
    more than MOST_ROWS are quarantined.
    """

    account: RowAccount
    by_reason: list[QuarantinedRows]
    rows_read: int


def quarantined(published: Published) -> Quarantine:
    """Count the quarantined rows of the period by reason, and add up the accounts of rows."""
    pieces = published.pieces[DELTAS.name]
    accounts = {piece.partition.uri: piece.partition.manifest.rows for piece in pieces}
    nothing = RowAccount(rows_in=0, rows_used=0, rows_quarantined=0)
    columns = ("source_file", "row_number", "reason")
    rows = Scan(QUARANTINE, tuple(_newest(pieces)), columns).read()
    return Quarantine(sum((each for each in accounts.values() if each), nothing), _counted(rows), rows.num_rows)


def _newest(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces whose quarantine is read: the newest, up to MOST_ROWS rows."""
    chosen, rows = [], 0
    for piece in reversed(pieces):
        entry = piece.partition.manifest.tables.get(QUARANTINE.name)
        rows += entry.rows if entry else 0
        if rows > MOST_ROWS:
            break
        if entry and entry.rows:
            chosen.append(replace(piece, interval=piece.partition.manifest.interval))
    return chosen


def _counted(rows: pa.Table) -> list[QuarantinedRows]:
    word = pc.replace_substring_regex(rows["reason"], r"(?s)^([^:]{1,60}):.*$", r"\1")
    grouped = (
        rows.append_column("word", word)
        .group_by("word", use_threads=False)
        .aggregate(
            [
                ("reason", "count"),
                ("source_file", "count_distinct"),
                *((name, "first") for name in ("reason", "source_file", "row_number")),
            ]
        )
        .sort_by([("reason_count", "descending"), ("word", "ascending")])
    )
    return [
        QuarantinedRows(
            row["word"],
            row["reason_count"],
            row["source_file_count_distinct"],
            row["reason_first"],
            row["source_file_first"],
            row["row_number_first"],
        )
        for row in grouped.to_pylist()
    ]
