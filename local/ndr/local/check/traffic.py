"""Whether traffic is delivered where the jobs look for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from ndr.contract.jobspecs import DELTA_BUILDER
from ndr.contract.time import DAY, SLICE, Interval, ceil_to, mini_batch_id
from ndr.local.check.ages import age_text
from ndr.local.check.finding import Finding, broken, ok, warning
from ndr.local.check.stack import Stack
from ndr.planner.keys import bucket_and_key, objects_below
from ndr.planner.upstream import delivered_intervals

AREA: Final = "traffic"
RECENT: Final = DAY
LOOKED_BACK: Final = timedelta(days=400)


def check_traffic(stack: Stack) -> Iterator[Finding]:
    """Find the newest mini-batch below the integration prefix."""
    jobspec = stack.valid_jobspecs.get(DELTA_BUILDER)
    if jobspec is None:
        return  # the JobSpecs' own findings say so
    prefix = jobspec.spec.inputs.integration
    if not prefix.startswith("s3://"):
        return
    example = f"{prefix}{mini_batch_id(_last_slice(stack))}/"
    deliver = f"Write flows as JSON lines or Parquet to {example}, see docs/deploy.md, or: ndr ingest FOLDER"
    newest = newest_delivery(stack.client("s3"), prefix, stack)
    if newest is None and _has_objects(stack, prefix):
        yield broken(AREA, f"{prefix} has objects, and none is in a folder that is named as a mini-batch.", deliver)
    elif newest is None:
        yield broken(AREA, f"{prefix} is empty: there is nothing to compute features from.", deliver)
    elif stack.now - newest.end > RECENT:
        yield warning(
            AREA,
            f"The newest mini-batch at {prefix} is {mini_batch_id(newest)}, {age_text(stack.now - newest.end)} old.",
            deliver,
        )
    else:
        yield ok(
            AREA,
            f"The newest mini-batch at {prefix} is {mini_batch_id(newest)}, {age_text(stack.now - newest.end)} old.",
        )


def newest_delivery(s3: Any, prefix: str, stack: Stack) -> Interval | None:
    """Return the last mini-batch that began before now: of the last two days, else of the last 400."""
    for looked_back in (2 * DAY, LOOKED_BACK):
        found = delivered_intervals(s3, prefix, Interval(stack.now - looked_back, stack.now))
        if found:
            return max(found, key=lambda each: each.end)
    return None


def _has_objects(stack: Stack, prefix: str) -> bool:
    return next(objects_below(stack.client("s3"), *bucket_and_key(prefix)), None) is not None


def _last_slice(stack: Stack) -> Interval:
    end = ceil_to(stack.now, SLICE) - SLICE
    return Interval(end - SLICE, end)
