"""Ctrl-C: what goes on without the command, and how to stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with the sentences for the person who pressed it."""


@contextmanager
def on_interrupt(sentence: Callable[[], str]) -> Iterator[None]:
    """Add a sentence to Ctrl-C inside the block.

    Parameters
    ----------
    sentence : callable
        Returns what goes on and the command that stops it, or an empty text. It is called after the interrupt.

    Raises
    ------
    Interrupted
        On Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        said = [str(interrupt), sentence()]
        raise Interrupted(" ".join(part for part in said if part)) from None
