"""``ndr``: the embedded AWS account on this machine, and the pipelines in it."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from ministack_sagemaker.errors import AccountError, Remedy
from ndr.contract.errors import NdrError
from ndr.local.commands import jobspec, run
from ndr.local.commands.backfill import backfill
from ndr.local.commands.check import check
from ndr.local.commands.cost import cost
from ndr.local.commands.demo import demo
from ndr.local.commands.down import down
from ndr.local.commands.ingest import ingest
from ndr.local.commands.status import status
from ndr.local.commands.up import up

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
for command in (up, down, ingest, backfill, status, check, cost, demo):
    app.command()(command)
app.add_typer(run.app, name="run")
app.add_typer(jobspec.app, name="jobspec")


_REMEDIES: Final[dict[Remedy, str]] = {"start": "Start one with `ndr up`.", "stop": "Stop it first with `ndr down`."}


def _show_version(asked: bool) -> None:
    if asked:
        Console().print(f"ndr {version('ndr-feature-pipelines')}")
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """This machine as an AWS account, and the pipelines in it."""


def main() -> None:
    """Run a command. An error of the contract is printed as one sentence, with exit status 1."""
    try:
        app(prog_name="ndr")
    except (NdrError, AccountError) as error:
        sentence = f"{type(error).__name__}: {error}"
        if isinstance(error, AccountError) and error.remedy:
            sentence += f" {_REMEDIES[error.remedy]}"
        Console(stderr=True).print(Text(sentence, style="red"), soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        Console(stderr=True).print("Interrupted. A started account keeps running until `ndr down`.")
        sys.exit(130)


if __name__ == "__main__":
    main()
