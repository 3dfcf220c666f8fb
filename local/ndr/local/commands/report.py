"""``ndr report``: findings, data and executions as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ndr.local.commands.options import HERE, AsJson, Directory
from ndr.local.console.documents import print_document
from ndr.local.deployment.deployment import Deployment
from ndr.report.collect import DAYS


def report(
    directory: Directory = HERE,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The file to write; report.html in the account's folder by default."),
    ] = None,
    stack: Annotated[
        str, typer.Option("--stack", help="A stack in the AWS account of your credentials, not on this machine.")
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="Days up to the newest deltas.")] = DAYS,
    as_json: AsJson = False,
) -> None:
    """Write the findings, the state of the data and the last executions as one HTML page, and print its path."""
    from ndr.local.reporting import report_of_deployment, report_of_stack

    place = report_of_stack(stack, out, days) if stack else report_of_deployment(Deployment.load(directory), out, days)
    if as_json:
        print_document({"path": str(place), "bytes": place.stat().st_size})
    else:
        typer.echo(str(place))
