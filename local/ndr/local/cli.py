"""``ndr``: the embedded AWS account on this machine, and the pipelines in it."""

from __future__ import annotations

import io
import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer
from typer.completion import completion_init

from ndr.local.commands import jobspec, run
from ndr.local.commands.backfill import backfill
from ndr.local.commands.check import check
from ndr.local.commands.completion import COMPLETE, PROGRAM, completion
from ndr.local.commands.cost import cost
from ndr.local.commands.demo import demo
from ndr.local.commands.doctor import doctor
from ndr.local.commands.down import down
from ndr.local.commands.env import env
from ndr.local.commands.findings import findings
from ndr.local.commands.follow import follow
from ndr.local.commands.group import EndsWithASentence
from ndr.local.commands.ingest import ingest
from ndr.local.commands.logs import logs
from ndr.local.commands.report import report
from ndr.local.commands.sql import sql
from ndr.local.commands.status import status
from ndr.local.commands.stop import stop
from ndr.local.commands.up import up
from ndr.local.commands.why import why

app = typer.Typer(
    cls=EndsWithASentence,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    up,
    down,
    env,
    ingest,
    backfill,
    status,
    findings,
    sql,
    report,
    follow,
    why,
    logs,
    stop,
    check,
    cost,
    demo,
    doctor,
    completion,
):
    app.command()(command)
app.add_typer(run.app, name="run")
app.add_typer(jobspec.app, name="jobspec")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"{PROGRAM} {version('ndr-feature-pipelines')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """An AWS account on this machine, and the pipelines in it. docs/cli.md has the exit codes."""


def main() -> None:
    """Run a command. It ends with one of the exit codes of docs/cli.md."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # else it is a stream of a test
            stream.reconfigure(errors="backslashreplace")  # a character that the terminal's encoding does not have
    if COMPLETE in os.environ:
        completion_init()  # the shell asks how a line goes on
    app(prog_name=PROGRAM)


if __name__ == "__main__":
    main()
