"""Which finished days are compacted: those with partitions that meet, or with files of earlier versions.

Names alone tell, so that nothing is opened. The job decides by what it finds.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ndr.contract.jobspecs import JobSpecs
from ndr.contract.pipelines import compaction_parameters, fifteen_minute_steps
from ndr.contract.time import DAY, Interval, ceil_to, day_text, floor_to, interval_of, merged
from ndr.contract.wording import counted
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.partition_names import DELIMITER, entries
from ndr.planner.plan import BaselinesPlan, CompactionRun


def with_compaction(
    plan: BaselinesPlan, s3: Any, jobspecs: JobSpecs, prefixes: FeaturePrefixes, looked_at: Interval
) -> BaselinesPlan:
    """Add the compaction of the finished days of an interval to a plan, where there is something to compact."""
    days = days_to_compact(s3, prefixes, looked_at)
    if not days:
        return plan
    span = Interval(days[0].start, days[-1].end)
    first, last = (day_text(day.start) for day in (days[0], days[-1]))
    told = (
        f"{counted(len(days), 'day')} are compacted: {first} to {last}."
        if days[1:]
        else f"One day is compacted: {first}."
    )
    message = f"{plan.message} {told}"
    run = CompactionRun(parameters=compaction_parameters(fifteen_minute_steps(jobspecs), span))
    return plan.model_copy(update={"compaction": run, "message": message})


def days_to_compact(s3: Any, prefixes: FeaturePrefixes, looked_at: Interval) -> list[Interval]:
    """Return the UTC days that lie in an interval and have something to compact or to sweep, oldest first."""
    first, end = ceil_to(looked_at.start, DAY), floor_to(looked_at.end, DAY)
    if first >= end:
        return []
    days = Interval(first, end)
    prefixes_read = [each for each in (prefixes.deltas, prefixes.fg_a, prefixes.pair_counts, prefixes.fg_c) if each]
    with ThreadPoolExecutor(len(prefixes_read)) as pool:
        wanted = {day for found in pool.map(lambda prefix: _days_of(s3, prefix, days), prefixes_read) for day in found}
    return [day for day in days.steps(DAY) if day_text(day.start) in wanted]


def _days_of(s3: Any, prefix: str, days: Interval) -> set[str]:
    """Return the days on which partitions of a dataset meet, or on which it has more runs than partitions."""
    partitions: dict[str, list[Interval]] = {}
    runs: dict[str, set[tuple[str, str]]] = {}
    for day, partition, *more in entries(s3, prefix, days):
        interval = interval_of(partition)
        if more == [DELIMITER] and interval:
            partitions.setdefault(day, []).append(interval)
        elif len(more) > 1:
            runs.setdefault(day, set()).add((partition, more[0]))
    meeting = {day for day, found in partitions.items() if len(merged(found)) < len(found)}
    return meeting | {day for day, found in runs.items() if len(found) > len(partitions.get(day, ()))}
