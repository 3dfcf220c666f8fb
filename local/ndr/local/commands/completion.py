"""``ndr completion``: the script with which a shell completes commands, options and names of executions."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

import typer
from typer.completion import completion_init, get_completion_script

PROGRAM: Final = "ndr"
COMPLETE: Final = "_NDR_COMPLETE"
"""Environment variable by which the script of a shell asks the program for completions."""


class Shell(StrEnum):
    """A shell whose completion is known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="The shell: echo $SHELL.")]) -> None:
    """Print the completion script of a shell: source <(ndr completion bash), or ndr completion fish | source."""
    completion_init()
    typer.echo(get_completion_script(prog_name=PROGRAM, complete_var=COMPLETE, shell=shell))
