"""What a table is read from: a schema, and rows that are read when they are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import Dataset
from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import Interval


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which rows a person asked for, whatever the query: those of a time, as they were published by an instant.

    Attributes
    ----------
    within : Interval, optional
        Slices, windows by their last slice, baselines by the end that names them, snapshots by their month.
    as_of : datetime, optional
        Leaves out what was published later.
    """

    within: Interval | None = None
    as_of: datetime | None = None


UNBOUNDED: Final = Bounds()


class Source(Protocol):
    """A table of a project."""

    @property
    def dataset(self) -> Dataset:
        """The dataset whose rows it has."""

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns that identify a row."""

    @property
    def schema(self) -> pa.Schema:
        """The columns, text plain."""

    def tables(self, columns: Sequence[str], keep: pc.Expression | None) -> Iterator[pa.Table]:
        """Yield at least the rows that `keep` is true for, with the columns, of the types of the schema.

        Whole files that can't hold such a row are not read.
        """


def scanned(source: Source, columns: Sequence[str], keep: pc.Expression | None) -> Iterator[pa.Table]:
    """Yield the rows that `keep` is true for, or all, with the columns in the order given."""
    wanted = list(dict.fromkeys((*columns, *_named_in(keep, source.schema))))
    for table in source.tables(wanted, keep):
        kept = table if keep is None else table.filter(keep)
        if kept.num_rows:
            yield kept.select(list(columns))


def conforming(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with the schema's columns; one that it lacks is null."""
    return pa.table(
        [
            table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
            for field in schema
        ],
        schema=schema,
    )


def check_columns(columns: Sequence[str], schema: pa.Schema, table: str) -> None:
    """Check that a table has the columns.

    Raises
    ------
    InvalidRequestError
        Names those that it has not, and all that it has.
    """
    unknown = [name for name in columns if name not in schema.names]
    if unknown or not columns:
        found = f"has no column {', '.join(map(repr, unknown))}" if unknown else "is asked for no column"
        raise InvalidRequestError(f"{table} {found}; its columns are {', '.join(schema.names)}.")


def _named_in(keep: pc.Expression | None, schema: pa.Schema) -> list[str]:
    """Return the columns that an expression may name. Arrow tells its text only, so these may be a few more."""
    return [] if keep is None else sorted(set(re.findall(r"\w+", str(keep))) & set(schema.names))
