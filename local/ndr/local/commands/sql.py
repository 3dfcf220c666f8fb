"""``ndr sql``: a query over the published tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ndr.contract.wording import counted
from ndr.local.commands.options import HERE, AsJson, Directory
from ndr.local.console.output import output_console
from ndr.local.console.tables import Listing, print_listings
from ndr.local.deployment.deployment import Deployment

if TYPE_CHECKING:
    from ndr.read import Place


def sql(
    query: Annotated[
        str, typer.Argument(help="One SELECT, DESCRIBE or SHOW, in DuckDB's SQL. Without it the tables are listed.")
    ] = "",
    directory: Directory = HERE,
    stack: Annotated[
        str,
        typer.Option(envvar="NDR_STACK", help="A stack in the AWS account of your credentials, not on this machine."),
    ] = "",
    jobspecs: Annotated[
        Path | None,
        typer.Option(envvar="NDR_JOBSPECS", help="A file with all JobSpecs of a project: reads where they point."),
    ] = None,
    as_of: Annotated[str, typer.Option("--as-of", help="Leave out what was published later, as 2026-01-31.")] = "",
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values with a header line.")] = False,
    parquet: Annotated[
        Path | None, typer.Option(help="Write a Parquet file: whole, or not at all where something fails.")
    ] = None,
) -> None:
    """Query the published tables, or list them: `ndr sql "select count(*) from deltas"`. It reads and never writes."""
    if sum((as_json, as_csv, parquet is not None)) > 1:
        raise typer.BadParameter("give one of --json, --csv and --parquet FILE.")
    if not query and (as_csv or parquet):
        raise typer.BadParameter('give a query, such as "select count(*) from deltas".')
    place = _place(directory, stack, jobspecs)
    if not query:
        _list_tables(place, as_json)
        return
    from ndr.local.console import query_rows
    from ndr.read import sql as run

    rows = run(query, place, as_of or None)
    if as_json:
        query_rows.print_json(rows)
    elif as_csv:
        query_rows.print_csv(rows)
    elif parquet:
        written = query_rows.write_parquet(rows, parquet)
        typer.echo(f"{counted(written, 'row')}: {parquet}")
    else:
        query_rows.print_rows(output_console(), rows)


def _place(directory: Path, stack: str, jobspecs: Path | None) -> Place:
    from ndr.read import Place

    if stack:
        return Place.of_stack(stack)
    if jobspecs:
        return Place.of_files(jobspecs)
    return Place(Deployment.load(directory).jobspecs())


def _list_tables(place: Place, as_json: bool) -> None:
    from ndr.read.tables import described_tables

    rows = [(each.name, each.time_column, len(each.columns), ", ".join(each.key)) for each in described_tables(place)]
    columns = ("table", "filter by", "columns", "key")
    console = output_console()
    print_listings(console, [Listing("tables", "Tables", columns, rows, right=("columns",))], as_json)
    if not as_json:
        console.print('`ndr sql "describe fg_a"` lists the columns of a table; docs/features.md says what they mean.')
