"""What is declared of a column, and of a dataset made of columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

ColumnType = Literal["string", "int64", "float64", "bool", "date", "timestamp", "reasons"]

Unit = Literal[
    "none",
    "flows",
    "bytes",
    "seconds",
    "bits",
    "hosts",
    "peers",
    "ports",
    "pairs",
    "segments",
    "slices",
    "windows",
    "rows",
    "days",
    "scores",
    "hour",
    "weekday",
    "port number",
    "flows a day",
    "share",
    "ratio",
    "points",
    "bit mask",
    "of the metric",
]
"""A share is in [0, 1]; a ratio is a number without a unit; points are the unit of contributions and scores of hosts.
Text, flags and instants have none."""

NEVER: Final = "never"
"""The null rule of a column that has a value in every row."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes
    ----------
    name : str
    type : ColumnType
    meaning : str
    unit : Unit
        `none` for text, flags and instants alone.
    formula : str
        From columns of the same row, of the input or of the group; empty where the meaning says it.
    null : str
        When the column is null: NEVER, or the condition.
    source : str
        Where the formula is from, if it is from the literature.
    """

    name: str
    type: ColumnType
    meaning: str
    unit: Unit = "none"
    formula: str = ""
    null: str = NEVER
    source: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: its name, the columns that identify a row, and all columns in file order.

    `time_column` holds the instant that partitions are pruned by; `is_window_end` says that this instant closes
    its slice rather than opening it.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    time_column: str | None = None
    is_window_end: bool = False

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]


def family(type_: ColumnType, names: Iterable[tuple[str, str]], **shared: Any) -> tuple[Column, ...]:
    """Return columns of one type from their names and meanings; `shared` are the other fields, of all of them."""
    return tuple(Column(name, type_, meaning, **shared) for name, meaning in names)
