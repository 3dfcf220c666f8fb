"""Work in a forked child, which may be killed; the parent itself holds no threads that a fork would lose."""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ended:
    """How a child ended: the signal that killed it or 0, the error it raised or None, what it returned."""

    signal: int
    error: str | None
    value: Any = None


Child = tuple[int, int]
"""A process and the pipe that its answer comes through."""


def in_child(work: Callable[[], Any]) -> Ended:
    """Run `work` in a fork of this process and wait for its end."""
    return wait(start(work))


def start(work: Callable[[], Any]) -> Child:
    """Begin `work` in a fork of this process; `wait` for what this returns."""
    answer, into = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(into)
        return pid, answer
    error, value = None, None
    try:
        # What jobs log belongs to no terminal.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        value = work()
    except BaseException as raised:
        error = "".join(traceback.format_exception_only(raised)).strip()
    try:
        with open(into, "wb") as stream:
            pickle.dump((error, value), stream)
    finally:
        os._exit(0)


def wait(child: Child) -> Ended:
    """Wait for a child that `start` began."""
    pid, answer = child
    with open(answer, "rb") as stream:
        content = stream.read()
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return Ended(os.WTERMSIG(status), None)
    return Ended(0, *pickle.loads(content))
