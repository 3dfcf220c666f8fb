"""Which batches can be asked for: since 2000, at most 92 days long, and named as their interval or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from ndr.contract.pipelines import REBUILD_PREFIX
from ndr.contract.time import LONGEST_BATCH, Interval, format_instant, interval_of, mini_batch_id

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


def named_batch(batch_id: str | None) -> Interval | None:
    """Return the interval that a batch's id names; None where it is a name of another kind, or there is no id."""
    return interval_of(batch_id.removeprefix(REBUILD_PREFIX)) if batch_id else None


def bounds_problems(batch: Interval) -> list[str]:
    """Return what is wrong with the bounds of a batch, a sentence each."""
    problems = []
    if batch.start < EARLIEST:
        problems.append(
            f"the batch starts at {format_instant(batch.start)}, which is before {format_instant(EARLIEST)}; "
            "write the time of the events"
        )
    if batch.duration > LONGEST_BATCH:
        problems.append(
            f"the batch is {batch.duration.days} days long, and one batch has at most {LONGEST_BATCH.days}; write "
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
