"""Tables of the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table

from ndr.contract.time import format_instant
from ndr.local.console.follow import FollowedExecution


def print_table(
    console: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()
) -> None:
    """Print a table. Columns in `right` are right-aligned, absent values are a dash."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(shown(value) for value in row))
    console.print(table)


def shown(value: object) -> str:
    """Format a value: thousands separated, instants in UTC, absent values as a dash."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.1f}"
    if isinstance(value, datetime):
        return format_instant(value.replace(microsecond=0))
    return str(value)


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
