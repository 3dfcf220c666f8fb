"""Options shared by the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ndr.local.console.output import output_console
from ndr.local.console.progress import Progress

Directory = Annotated[
    Path,
    typer.Option("--directory", "-d", envvar="NDR_HOME", help="Folder with the files of the account on this machine."),
]
HERE = Path(".ndr")
ZONE = "Zone of the times that tell none, as Europe/Berlin."
"""Help of the options that name such a zone."""
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]


def progress(as_json: bool = False) -> Progress:
    """Return progress lines on standard output; on standard error where standard output has a JSON document."""
    return Progress(output_console(stderr=as_json))
