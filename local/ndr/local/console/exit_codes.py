"""The exit codes of ``ndr``."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit status of a command says; `meaning` is its row in docs/cli.md."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> ExitCode:
        """Make a member of its number and its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    DONE = 0, "The command did what was asked."
    FAILED = 1, "It did not; standard error has one sentence with the reason."
    USAGE = 2, "The command line cannot be understood, and nothing was done. `ndr check`: the stack cannot be read."
    INTERRUPTED = 130, "Ctrl-C; standard error says what goes on and how to stop it."
    BROKEN_PIPE = 141, "The reader of the output went away, as in `ndr status | head -1`."
