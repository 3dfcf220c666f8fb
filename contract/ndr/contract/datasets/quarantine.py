"""Rows that can't be used, with the reason."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset

QUARANTINE: Final = Dataset(
    "quarantine",
    (),
    (
        Column("source_file", "string", "the file that holds the row"),
        Column("row_number", "int64", "place of the row in its file, from 0", "rows"),
        Column("reason", "string", "why the row can't be used"),
        Column("raw", "string", "the row as JSON"),
    ),
)
