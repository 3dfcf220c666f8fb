"""Which times and batches can be asked for: from 2000 on, and batches of at most 92 days, named as their interval."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from ndr.contract.pipelines import REBUILD_PREFIX
from ndr.contract.time import (
    LONGEST_BATCH,
    SLICE,
    Interval,
    ceil_to,
    floor_to,
    format_instant,
    interval_of,
    mini_batch_id,
)
from ndr.contract.wording import counted

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)


def bounded(name: str, instant: datetime) -> list[str]:
    """Return what is wrong with an instant that no events can have."""
    if instant < EARLIEST:
        return [
            f"{name} is {format_instant(instant)}, which is before {format_instant(EARLIEST)}; write the time of the "
            "events"
        ]
    return [f"{name} is {format_instant(instant)}, which is in the future"] if instant >= LATEST else []


def named_batch(batch_id: str | None) -> Interval | None:
    """Return the interval that a batch's id names; None where it is a name of another kind, or there is no id."""
    return interval_of(batch_id.removeprefix(REBUILD_PREFIX)) if batch_id else None


def bounds_problems(batch: Interval) -> list[str]:
    """Return what is wrong with the bounds of a batch, a sentence each."""
    problems = bounded("the start of the batch", batch.start)
    if batch.duration > LONGEST_BATCH:
        problems.append(
            f"the batch is {counted(batch.duration.days, 'day')} long, and one batch has at most "
            f"{LONGEST_BATCH.days}; write "
            f"batch_end {format_instant(batch.start + LONGEST_BATCH)}, and run the rest as further batches"
        )
    return problems


def name_problems(batch_id: str | None, batch: Interval | None) -> list[str]:
    """Return what is wrong between a batch's id and its interval, where either is given."""
    named = named_batch(batch_id)
    if batch_id is None or (named is not None and batch in (None, named)) or (named is None and batch is not None):
        return []
    if batch is None:
        return [
            f"mini_batch_id is {batch_id!r}, which does not name an interval; add batch_start and batch_end, or write "
            "an id such as 20260131T061500Z-PT15M"
        ]
    return [
        f"mini_batch_id {batch_id} names the batch {named}, and batch_start and batch_end give {batch}; leave "
        f"mini_batch_id out, or write {mini_batch_id(batch)}"
    ]


def slice_problems(batch_id: str | None, batch: Interval) -> list[str]:
    """Return what is wrong where a batch, which its id names, is not made of whole slices."""
    if batch.is_whole(SLICE):
        return []
    whole = Interval(floor_to(batch.start, SLICE), ceil_to(batch.end, SLICE))
    return [
        f"mini_batch_id {batch_id} names the batch {batch}, which is not made of whole 15-minute slices; "
        f"write {mini_batch_id(whole)}"
    ]
