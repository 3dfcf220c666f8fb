"""The account's clock: what start-ups, Wait states and retry intervals last, and what time executions start.

By default it is this machine's clock, with waits shortened by the account's wait scale. With `STEPPED_CLOCK` set to an
instant in the account's environment, it stands at that instant until `clock_control` advances it: work takes no time of
that clock, waits take nothing else. So a simulation of days depends on neither the machine nor its load.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

VARIABLE: Final = "STEPPED_CLOCK"
_QUIET_SECONDS = 0.02


@dataclass(order=True)
class _Sleeper:
    due: datetime
    interrupted: threading.Event = field(compare=False)
    awake: bool = field(default=False, compare=False)


class SteppedClock:
    """A clock that is advanced from outside, and knows who works and who waits for it.

    Parameters
    ----------
    now
        The instant at which it stands first.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._sleepers: list[_Sleeper] = []
        self._working = 0
        self._changes = 0

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float, interrupted: threading.Event) -> None:
        """Wait until the clock has been advanced by so much, or until the event is set and `interrupt` is called."""
        if seconds <= 0:
            return
        with self._changed:
            sleeper = _Sleeper(self._now + timedelta(seconds=seconds), interrupted)
            heapq.heappush(self._sleepers, sleeper)
            self._count(-1)
            self._changed.wait_for(lambda: sleeper.awake)

    def interrupt(self) -> None:
        """Wake those whose event is set."""
        with self._changed:
            self._wake(lambda sleeper: sleeper.interrupted.is_set())

    def count(self, difference: int) -> None:
        """Count one more at work, or one less; the clock is settled when there is none."""
        with self._changed:
            self._count(difference)

    def settle(self) -> datetime | None:
        """Wait until nobody works; return when the first sleeper is due, or None where nobody sleeps."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._working == 0)
                seen = self._changes
                # A thread that has been started may not have counted itself yet.
                self._changed.wait(_QUIET_SECONDS)
                if self._changes == seen:
                    return self._sleepers[0].due if self._sleepers else None

    def advance(self, now: datetime) -> None:
        """Set it forward, and wake those who are due.

        Raises
        ------
        ValueError
            The clock stands at a later instant.
        """
        with self._changed:
            if now < self._now:
                raise ValueError(f"The clock stands at {self._now} and can't go back to {now}.")
            self._now = now
            self._wake(lambda sleeper: sleeper.due <= now)

    def _wake(self, is_due: Callable[[_Sleeper], bool]) -> None:
        """Wake sleepers, and count them as working from now on, not from when their threads get to run."""
        for sleeper in self._sleepers:
            if is_due(sleeper):
                sleeper.awake = True
                self._count(+1)
        self._sleepers = sorted(sleeper for sleeper in self._sleepers if not sleeper.awake)

    def _count(self, difference: int) -> None:
        self._working += difference
        self._changes += 1
        self._changed.notify_all()


@functools.cache
def stepped() -> SteppedClock | None:
    """The clock that is advanced from outside; None where the account goes by this machine's."""
    start = os.environ.get(VARIABLE)
    return SteppedClock(datetime.fromisoformat(start)) if start else None


def now() -> datetime:
    clock = stepped()
    return clock.now() if clock else datetime.now(UTC)


def sleep(seconds: float, interrupted: threading.Event) -> None:
    """Wait seconds of the account's clock, or until an event is set."""
    clock = stepped()
    if clock:
        clock.sleep(seconds, interrupted)
    else:
        interrupted.wait(seconds * wait_scale())


def wait_scale() -> float:
    """The factor by which this account shortens waits, the same one that Step Functions' Wait states get."""
    return float(os.environ.get("SFN_WAIT_SCALE", "1"))


def interrupt() -> None:
    """Wake those whose event has been set."""
    if clock := stepped():
        clock.interrupt()


def count(difference: int) -> None:
    """Count one more at work, or one less."""
    if clock := stepped():
        clock.count(difference)


@contextlib.contextmanager
def working(difference: int = 1) -> Iterator[None]:
    """Count one more at work for as long as the context lasts; or, with -1, one less."""
    count(difference)
    try:
        yield
    finally:
        count(-difference)
