"""Options shared by the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ndr.local.console.output import output_console
from ndr.local.console.progress import Progress


def names_of_executions(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the newest executions for the completion of a name, each with its machine."""
    from ndr.local.executions.account import ExecutionAccount
    from ndr.local.executions.find import newest_executions

    try:
        account = ExecutionAccount.of(ctx.params.get("directory") or HERE, ctx.params.get("stack") or "")
        listed = [each for machine in account.machines for each in newest_executions(account, machine, 20)]
    except Exception:
        return []
    return [(each.name, each.of) for each in listed if each.name.startswith(incomplete)]


Directory = Annotated[
    Path,
    typer.Option("--directory", "-d", envvar="NDR_HOME", help="Folder with the files of the account on this machine."),
]
HERE = Path(".ndr")
ZONE = "Zone of the times that tell none, as Europe/Berlin."
"""Help of the options that name such a zone."""
Execution = Annotated[
    str,
    typer.Argument(
        help="Name or ARN of a machine's execution, the beginning of its name, or id or ARN of a pipeline's.",
        autocompletion=names_of_executions,
    ),
]
StackName = Annotated[
    str,
    typer.Option("--stack", help="A stack in the AWS account of your credentials, not on this machine."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def progress(as_json: bool = False) -> Progress:
    """Return progress lines on standard output; on standard error where standard output has a JSON document."""
    return Progress(output_console(stderr=as_json))
