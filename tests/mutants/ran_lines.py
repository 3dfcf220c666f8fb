"""Which lines of some files each test runs, so that a mutant is tried by the tests that reach it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

Line = tuple[str, int]


@dataclass(frozen=True)
class RanTest:
    """A test that passed: its node id, its CPU seconds, and the lines (file, number) it ran, fixtures included."""

    name: str
    seconds: float
    lines: frozenset[Line]


@contextmanager
def lines_run(paths: Iterable[Path]) -> Iterator[set[Line]]:
    """Collect the lines of some files that the body runs, in all threads that it starts."""
    names, lines = {str(path) for path in paths}, set[Line]()

    def in_file(frame: FrameType, event: str, argument: Any) -> Any:
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return in_file

    def anywhere(frame: FrameType, event: str, argument: Any) -> Any:
        return in_file(frame, event, argument) if frame.f_code.co_filename in names else None

    sys.settrace(anywhere)
    threading.settrace(anywhere)
    try:
        yield lines
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]


def run_traced(session: pytest.Session, paths: Sequence[Path]) -> list[RanTest] | None:
    """Run the collected tests; returns what each of them ran, the quickest first, or None when one failed."""
    ran = []
    for item, following in zip(session.items, [*session.items[1:], None], strict=True):
        began = time.process_time()
        with lines_run(paths) as lines:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return None
        ran.append(RanTest(item.nodeid, time.process_time() - began, frozenset(lines)))
    return sorted(ran, key=lambda each: each.seconds)
