"""Progress lines with the seconds since the start of the command, and lines in a long silence."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from ndr.local.console.plain import plain

SILENCE_SECONDS = 4.0
"""After this time without output, a line on a terminal names the running activities."""
PIPED_SILENCE_SECONDS = 30.0
"""The same where the output is not a terminal, so that a log stays short."""


class Progress:
    """Prints lines. Thread-safe.

    Parameters
    ----------
    console : rich.console.Console
        Output console. It determines colours and widths.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._began = time.monotonic()
        self._printing = threading.RLock()
        self._last_line = self._began
        self._doing: dict[str, float] = {}
        self._silence = SILENCE_SECONDS if console.is_terminal else PIPED_SILENCE_SECONDS
        self._is_watched = False

    @property
    def seconds(self) -> float:
        """Seconds since the start of the command."""
        return time.monotonic() - self._began

    def line(self, text: str, style: str = "") -> None:
        """Print a line."""
        with self._printing:
            self._last_line = time.monotonic()
            said = (plain(text, keep="\n"), style)
            self.console.print(Text.assemble((f"{self.seconds:7.1f} s  ", "dim"), said), soft_wrap=True)

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Print the start of an activity and, unless it raises, its duration."""
        began = time.monotonic()
        self.line(f"{what} ...")
        self.begin(what)
        try:
            yield
        finally:
            self.end(what)
        self.line(f"{what}: {time.monotonic() - began:.1f} s", "green")

    def begin(self, what: str) -> None:
        """Register a running activity."""
        with self._printing:
            self._doing[what] = time.monotonic()
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._never_silent, name="progress", daemon=True).start()

    def end(self, what: str) -> None:
        """Remove a registered activity."""
        with self._printing:
            self._doing.pop(what, None)

    def _never_silent(self) -> None:
        while True:
            time.sleep(0.5)
            with self._printing:
                now = time.monotonic()
                if self._doing and now - self._last_line > self._silence:
                    going_on = ", ".join(f"{what} ({now - began:.0f} s)" for what, began in self._doing.items())
                    self.line(f"still running: {going_on}", "dim")
