"""Which finished days are compacted: those with more than one partition, or with files of earlier versions.

Names alone tell, so that nothing is opened. The job decides by what it finds.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any, Final

from ndr.contract.jobspecs import JobSpecs
from ndr.contract.manifest import MANIFEST_NAME
from ndr.contract.pipelines import compaction_parameters, fifteen_minute_steps
from ndr.contract.time import DAY, Interval, ceil_to, day_text, floor_to
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.keys import bucket_and_key, keys_below
from ndr.planner.plan import BaselinesPlan, CompactionRun

LISTERS: Final = 16


def with_compaction(
    plan: BaselinesPlan, s3: Any, jobspecs: JobSpecs, prefixes: FeaturePrefixes, looked_at: Interval
) -> BaselinesPlan:
    """Add the compaction of the finished days of an interval to a plan, where there is something to compact."""
    days = days_to_compact(s3, prefixes, looked_at)
    if not days:
        return plan
    span = Interval(days[0].start, days[-1].end)
    named = f"{day_text(days[0].start)}" + (f" to {day_text(days[-1].start)}" if days[1:] else "")
    message = f"{plan.message} {len(days)} days are compacted: {named}."
    run = CompactionRun(parameters=compaction_parameters(fifteen_minute_steps(jobspecs), span))
    return plan.model_copy(update={"compaction": run, "message": message})


def days_to_compact(s3: Any, prefixes: FeaturePrefixes, looked_at: Interval) -> list[Interval]:
    """Return the UTC days that lie in an interval and have something to compact or to sweep, oldest first."""
    first, end = ceil_to(looked_at.start, DAY), floor_to(looked_at.end, DAY)
    if first >= end:
        return []
    days = list(Interval(first, end).steps(DAY))
    places = list(product(days, (prefixes.deltas, prefixes.fg_a, prefixes.pair_counts)))
    with ThreadPoolExecutor(LISTERS) as pool:
        found = pool.map(lambda place: _is_to_compact(_keys_of_day(s3, *place)), places)
        wanted = {day for (day, _), is_wanted in zip(places, found, strict=True) if is_wanted}
    return sorted(wanted)


def _keys_of_day(s3: Any, day: Interval, prefix: str) -> list[str]:
    bucket, base = bucket_and_key(prefix)
    below = f"{base}dt={day_text(day.start)}/"
    return [key.removeprefix(below) for key in keys_below(s3, bucket, below)]


def _is_to_compact(keys: Iterable[str]) -> bool:
    """Tell it by the keys of a dataset's day: `<partition>/_manifest.json` and `<partition>/<run id>/<file>`."""
    parts = [key.split("/") for key in keys]
    partitions = {part[0] for part in parts if part[1:] == [MANIFEST_NAME]}
    runs = {(part[0], part[1]) for part in parts if len(part) > 2}
    return len(partitions) > 1 or len(runs) > len(partitions)
