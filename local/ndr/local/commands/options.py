"""Options shared by the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ndr.local.console.progress import Progress

Directory = Annotated[
    Path,
    typer.Option("--directory", "-d", envvar="NDR_HOME", help="Folder with the files of the account on this machine."),
]
HERE = Path(".ndr")
ZONE = "Zone of the times that tell none, as Europe/Berlin."


def progress() -> Progress:
    """Return progress lines on standard output. Without a terminal they are plain text of at most 160 columns."""
    console = Console()
    return Progress(console if console.is_terminal else Console(width=160, highlight=False))
