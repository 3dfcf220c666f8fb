"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ndr.local.console.progress import Progress

Directory = Annotated[
    Path,
    typer.Option("--directory", "-d", envvar="NDR_HOME", help="Where the account on this machine keeps its files."),
]
HERE = Path(".ndr")


def progress() -> Progress:
    """Return progress lines on standard output; without a terminal, plain text that is not cut to a width."""
    console = Console()
    return Progress(console if console.is_terminal else Console(width=160, highlight=False))
