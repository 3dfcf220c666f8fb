"""Tables of the command line, on a terminal and as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ndr.contract.time import format_instant
from ndr.local.console.documents import json_value, print_document
from ndr.local.console.follow import FollowedExecution
from ndr.local.console.plain import plain
from ndr.local.console.widths import column_widths, longest_word, wrapped


class Number(float):
    """A number with a text of its own for tables. JSON has the number."""

    text: str

    def __new__(cls, value: float, text: str) -> Number:
        """Make a number that tables show as `text`."""
        number = super().__new__(cls, value)
        number.text = text
        return number


def share(value: float) -> Number:
    """Return a share in [0, 1], which tables show as a percentage."""
    return Number(value, f"{value:.1%}")


@dataclass(frozen=True)
class Listing:
    """Rows that a command lists.

    Attributes
    ----------
    name : str
        Key of the rows in the JSON document.
    title : str
        Title of the table.
    columns : sequence of str
        Headings. Their JSON keys are in lower case, with `_` for what is not a letter or a digit.
    rows : sequence of sequences
        Values as they are: numbers, instants, `Number`, None. `shown` formats them for the table.
    right : sequence of str
        Right-aligned columns.
    only_json : sequence of str
        Columns that are too long for a table.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    right: Sequence[str] = ()
    only_json: Sequence[str] = ()

    def records(self) -> list[dict[str, Any]]:
        """Return the rows as JSON objects."""
        keys = [_key(column) for column in self.columns]
        return [dict(zip(keys, map(json_value, row), strict=True)) for row in self.rows]

    def print(self, console: Console) -> None:
        """Print the rows as a table."""
        kept = [number for number, column in enumerate(self.columns) if column not in self.only_json]
        columns = [self.columns[number] for number in kept]
        print_table(console, self.title, columns, ([row[number] for number in kept] for row in self.rows), self.right)


def print_listings(console: Console, listings: Iterable[Listing], as_json: bool = False, **facts: object) -> None:
    """Print listings as tables, or as one JSON object with the records of each under its name.

    Parameters
    ----------
    console : Console
    listings : iterable of Listing
    as_json : bool
        The option `--json`.
    **facts
        Other values of the JSON object, such as the name of the stack. They come first.
    """
    if as_json:
        print_document({**facts, **{listing.name: listing.records() for listing in listings}})
        return
    for listing in listings:
        listing.print(console)


def print_table(
    console: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()
) -> None:
    """Print a table. Columns in `right` are right-aligned, absent values are a dash, and every cell is text.

    A table without rows is one line. Cells are cut between words only: where the words do not fit beside each other,
    each row is printed as lines of a heading and its cell.
    """
    texts = [[shown(value) for value in row] for row in rows]
    if not texts:
        console.print(Text(plain(f"{title}: none"), style="bold"), soft_wrap=True)
        return
    console.print(Text(plain(title), style="bold"), soft_wrap=True)
    headings = [plain(column) for column in columns]
    widths = column_widths([list(column) for column in zip(headings, *texts, strict=True)], console.width)
    if widths is None:
        _print_records(console, headings, texts)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, heading, width in zip(columns, headings, widths, strict=True):
        table.add_column(
            Text("\n".join(wrapped(heading, width))),
            justify="right" if column in right else "left",
            width=width,
            no_wrap=True,
            overflow="crop",
        )
    for row in texts:
        table.add_row(*(Text("\n".join(wrapped(text, width))) for text, width in zip(row, widths, strict=True)))
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    lines = "\n".join(line.rstrip(" ") for line in captured.get().splitlines())
    console.print(Text(lines), soft_wrap=True)


def _print_records(console: Console, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print each row as lines of a heading and its cell, which goes on under its first line, or under its heading."""
    beside = max(map(cell_len, headings)) + 2
    for row in rows:
        lines: list[str] = []
        for heading, text in zip(headings, row, strict=True):
            room = console.width - beside
            if longest_word(text) <= room:
                first, *others = wrapped(text, room)
                lines.append(f"{heading}{' ' * (beside - cell_len(heading))}{first}")
                lines += [f"{' ' * beside}{line}" for line in others]
            else:
                lines += [heading, *wrapped(text, console.width)]
        console.print(Text("\n".join(lines)), soft_wrap=True, end="\n\n")


def shown(value: object) -> str:
    """Format a value: thousands separated, instants in UTC, absent values as a dash, control characters written out."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Number):
        return value.text
    if isinstance(value, Decimal):
        value = json_value(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.1f}"
    if isinstance(value, datetime):
        return format_instant(value.replace(microsecond=0))
    return plain(str(value))


def print_timeline(console: Console, title: str, execution: FollowedExecution) -> None:
    """Print the states, pipelines and steps of an execution, with start and duration in seconds."""
    rows = [
        (
            span.within if span.kind == "state" else "",
            f"{span.name} x{span.count}" if span.count > 1 else span.name if span.kind == "state" else "",
            span.name if span.kind == "pipeline" else "",
            span.name if span.kind == "step" else "",
            (span.start - execution.start).total_seconds(),
            span.seconds,
            span.status.lower(),
        )
        for span in execution.spans
    ]
    columns = ("machine", "state", "pipeline", "step", "began (s)", "seconds", "status")
    print_table(console, title, columns, rows, right=("began (s)", "seconds"))


def _key(column: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")
