"""The error of everything that the emulator refuses or cannot do."""

from __future__ import annotations

from typing import Literal

Remedy = Literal["start", "stop"]


class AccountError(Exception):
    """The emulator cannot be started, found or reached, or was given something that it does not accept.

    Parameters
    ----------
    message
        What was found, what is accepted.
    remedy
        What helps: starting an account in the directory, or stopping the one that runs there. The caller knows by
        which command its users do that, and adds it. None where the message says all.
    """

    def __init__(self, message: str, remedy: Remedy | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy
