"""Whether traffic is delivered where the jobs look for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from ndr.contract.jobspecs import DELTA_BUILDER
from ndr.contract.jobspecs.delta_builder import DeltaBuilderInputs
from ndr.contract.layout import TimeLayout
from ndr.contract.time import DAY, SLICE, Interval, ceil_to, mini_batch_id
from ndr.contract.wording import counted
from ndr.local.check.ages import age_text
from ndr.local.check.finding import Finding, broken, ok, warning
from ndr.local.check.stack import Stack
from ndr.planner.keys import bucket_and_key, objects_below
from ndr.planner.time_folders import delivered_times
from ndr.planner.upstream import delivered_intervals

AREA: Final = "traffic"
RECENT: Final = DAY
MINUTE: Final = timedelta(minutes=1)
LOOKED_BACK: Final = timedelta(days=400)
LOOKED_BACK_BY_TIME: Final = timedelta(days=31)
"""In a layout by time each folder above those that are looked for takes a request."""


def check_traffic(stack: Stack) -> Iterator[Finding]:
    """Find the newest mini-batch below the integration prefix, or the newest folder that is named by time."""
    jobspec = stack.valid_jobspecs.get(DELTA_BUILDER)
    if jobspec is None:
        return  # the JobSpecs' own findings say so
    inputs: DeltaBuilderInputs = jobspec.spec.inputs
    if not inputs.integration.startswith("s3://"):
        return
    yield newest_finding(stack.client("s3"), inputs, stack.now)
    if inputs.time_layout:
        settle = timedelta(minutes=int(stack.parameters.get("SettleMinutes", 0)))
        yield from settling_findings(inputs.time_layout, settle)


def newest_finding(s3: Any, inputs: DeltaBuilderInputs, now: datetime) -> Finding:
    """Return what was delivered last, and whether that is less than a day old."""
    prefix, layout = inputs.integration, inputs.time_layout
    deliver = f"Write logs to {prefix}{_place(layout, _last_slice(now))}, see docs/sources.md" + (
        "; or write the layout of the logs into inputs.layout of the delta_builder JobSpec"
        if layout
        else ", or: ndr ingest FOLDER"
    )
    newest = newest_delivery(s3, prefix, now, layout)
    if newest is None and _has_objects(s3, prefix):
        named = f"of layout {layout.pattern}" if layout else "that is named as a mini-batch"
        return broken(AREA, f"{prefix} has objects, and none is in a folder {named}.", deliver)
    if newest is None:
        return broken(AREA, f"{prefix} is empty: there is nothing to compute features from.", deliver)
    name, age = _place(layout, newest).rstrip("/"), age_text(now - newest.end)
    what = "folder" if layout else "mini-batch"
    sentence = f"The newest {what} at {prefix} is {name}, {age} old."
    return warning(AREA, sentence, deliver) if now - newest.end > RECENT else ok(AREA, sentence)


def settling_findings(layout: TimeLayout, settle: timedelta) -> Iterator[Finding]:
    """Warn where a batch is built before all its files have come: LATE builds each of them again then."""
    if settle < layout.delivery_delay:
        minutes = -(-layout.delivery_delay // MINUTE)
        yield warning(
            AREA,
            f"Logs can come {counted(minutes, 'minute')} after their time, and the schedule builds a batch "
            f"{counted(settle // MINUTE, 'minute')} after it: LATE will build it again.",
            f"sam deploy --parameter-overrides SettleMinutes={minutes}, with the other parameters of the stack",
        )


def newest_delivery(s3: Any, prefix: str, now: datetime, layout: TimeLayout | None) -> Interval | None:
    """Return the last mini-batch or folder that began before now: of the last two days, else of a longer time."""
    for looked_back in (2 * DAY, LOOKED_BACK_BY_TIME if layout else LOOKED_BACK):
        wanted = Interval(now - looked_back, now)
        found = delivered_times(s3, prefix, layout, wanted) if layout else delivered_intervals(s3, prefix, wanted)
        if found:
            return max(found, key=lambda each: each.end)
    return None


def _place(layout: TimeLayout | None, time: Interval) -> str:
    return layout.folder_name(time.start) if layout else f"{mini_batch_id(time)}/"


def _has_objects(s3: Any, prefix: str) -> bool:
    return next(objects_below(s3, *bucket_and_key(prefix)), None) is not None


def _last_slice(now: datetime) -> Interval:
    end = ceil_to(now, SLICE) - SLICE
    return Interval(end - SLICE, end)
