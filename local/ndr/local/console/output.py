"""The consoles that the commands print on."""

from __future__ import annotations

import os
import sys
from typing import Any, Final, NoReturn, TextIO

from rich.console import Console
from rich.text import Text

from ndr.local.console.exit_codes import ExitCode
from ndr.local.console.plain import plain

PIPED_WIDTH: Final = 10_000
"""Columns where the output is not a terminal: a row of a table stays one line, so that `grep` finds all of it."""
_UNKNOWN_WIDTH: Final = 80


class OutputConsole(Console):
    """A console on which a string is text: never markup, never an emoji code, never a control character."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text as it is printed. Line breaks stay."""
        return super().render_str(plain(text, keep="\n"), **{**options, "markup": False, "emoji": False})

    def on_broken_pipe(self) -> NoReturn:
        """End the command, as a program that the signal SIGPIPE ends."""
        silence(sys.stdout)
        raise SystemExit(int(ExitCode.BROKEN_PIPE))


def output_console(*, stderr: bool = False) -> OutputConsole:
    """Return a console on standard output or standard error.

    Its width is COLUMNS, or that of the terminal. Output that is not a terminal is plain text, and not folded.
    """
    stream = sys.stderr if stderr else sys.stdout
    return OutputConsole(file=stream, width=width_of(stream), highlight=False, markup=False, emoji=False)


def print_error(sentence: str, style: str = "red") -> None:
    """Print a sentence on standard error, in one line unless it has line breaks itself."""
    output_console(stderr=True).print(Text(plain(sentence, keep="\n"), style=style), soft_wrap=True)


def width_of(stream: TextIO) -> int:
    """Return the number of columns to use on a stream."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    try:
        if not stream.isatty():
            return PIPED_WIDTH
        return os.get_terminal_size(stream.fileno()).columns or _UNKNOWN_WIDTH
    except (OSError, ValueError):  # ValueError: the stream is closed, or has no descriptor
        return _UNKNOWN_WIDTH


def silence(stream: TextIO) -> None:
    """Let what is still written to a stream go nowhere: the interpreter flushes it once more when it ends."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # a stream of a test
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
