"""Batches of whole mini-batches: what is built again where a part of the time is missing, late or stale."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from ndr.contract.time import DAY, Interval, merged
from ndr.planner.covered import Covered

LONGEST_PLANNED: Final = timedelta(days=31)
"""The longest batch that is planned, unless one mini-batch is longer."""


def whole_batches(ranges: Iterable[Interval], delivered: Iterable[Interval]) -> list[Interval]:
    """Return the batches that rebuild ranges from the mini-batches that touch them, and what looks back on them.

    A batch holds whole mini-batches: a part of one would be published without its other part. It goes on for a day
    after a range, as far as mini-batches follow without a gap, because windows of 24 hours reach back over it.
    Takes n log n steps.
    """
    folders = merged_where_overlapping(delivered)  # which can only be built together
    starts = [folder.start for folder in folders]
    wanted = Covered.of(ranges)
    spans = merged(folder for folder in folders if wanted.meets(folder))
    reaching = merged([*spans, *_with_followers(spans, folders, starts)])
    return [batch for span in reaching for batch in _pieces(folders, bisect_left(starts, span.start), span.end)]


def _with_followers(
    spans: Iterable[Interval], folders: Sequence[Interval], starts: Sequence[datetime]
) -> Iterator[Interval]:
    """Extend each span by the folders that follow it without a gap and start within a day."""
    unbroken = Covered.of(folders)
    for span in spans:
        within_a_day = folders[bisect_left(starts, span.end + DAY) - 1].end
        yield Interval(span.start, min(unbroken.end_of(span), max(span.end, within_a_day)))


def _pieces(folders: Sequence[Interval], first: int, end: datetime) -> Iterator[Interval]:
    """Cut the folders from `first` on that start before `end`, between mini-batches."""
    piece: Interval | None = None
    for place in range(first, len(folders)):
        folder = folders[place]
        if folder.start >= end:
            break
        if piece and folder.end - piece.start > LONGEST_PLANNED:
            yield piece
            piece = None
        piece = Interval(piece.start, folder.end) if piece else folder
    if piece:
        yield piece


def merged_where_overlapping(intervals: Iterable[Interval]) -> list[Interval]:
    """Return sorted intervals, with those that overlap made one; neighbours that only meet stay two."""
    union: list[Interval] = []
    for interval in sorted(intervals):
        if union and interval.start < union[-1].end:
            union[-1] = Interval(union[-1].start, max(union[-1].end, interval.end))
        else:
            union.append(interval)
    return union
