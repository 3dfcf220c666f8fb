"""How every command of ``ndr`` ends: its exit code, and the sentence of its error."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from ndr.local.console.errors import sentence_of
from ndr.local.console.exit_codes import ExitCode
from ndr.local.console.output import print_error, silence


class EndsWithASentence(TyperGroup):
    """The root group. An error becomes one sentence on standard error."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for.

        Raises
        ------
        typer.Exit
            With one of `ExitCode`. An exception that is a bug goes through with its traceback.
        """
        try:
            done = super().invoke(ctx)
            sys.stdout.flush()  # here, where a full disk or a closed pipe can still be told
        except KeyboardInterrupt as interrupt:
            _end(ExitCode.INTERRUPTED, f"Interrupted. {interrupt}".rstrip(), "")
        except BrokenPipeError:
            silence(sys.stdout)
            raise typer.Exit(ExitCode.BROKEN_PIPE) from None
        except Exception as error:
            sentence = sentence_of(error)
            if sentence is None:
                raise
            _end(ExitCode.FAILED, sentence)
        return done


def _end(code: ExitCode, sentence: str, style: str = "red") -> NoReturn:
    print_error(sentence, style)
    _flush_or_silence()
    raise typer.Exit(code) from None


def _flush_or_silence() -> None:
    try:
        sys.stdout.flush()
    except OSError:  # it is what the sentence was about
        silence(sys.stdout)
