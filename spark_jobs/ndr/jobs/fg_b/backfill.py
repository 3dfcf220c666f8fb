"""Cutting a backfill into chunks of baselines that share one reading of their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Protocol, TypeVar

from ndr.contract.time import Interval


class HasInterval(Protocol):
    """A baseline to build, known by the interval it is built over."""

    @property
    def interval(self) -> Interval: ...


Target = TypeVar("Target", bound=HasInterval)


def chunks(targets: Iterable[Target], reach: timedelta) -> Iterator[list[Target]]:
    """Group baselines, in the order of their ends, so that the ends of a chunk lie less than `reach` apart.

    A chunk reads its rows once, over at most its longest horizon and `reach`: with `reach` the longest horizon,
    memory and reading stay within twice a horizon however long the backfill is.
    """
    chunk: list[Target] = []
    for target in sorted(targets, key=lambda each: (each.interval.end, each.interval.start)):
        if chunk and target.interval.end - chunk[0].interval.end >= reach:
            yield chunk
            chunk = []
        chunk.append(target)
    if chunk:
        yield chunk
