"""The areas of the check, in the order of a first deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from ndr.local.check import (
    alarms,
    executions,
    images,
    jobspecs,
    pipelines,
    prefixes,
    published,
    schedules,
    secret,
    status,
    traffic,
)
from ndr.local.check.finding import Finding, guarded
from ndr.local.check.stack import Stack

AREAS: Final[dict[str, Callable[[Stack], Iterator[Finding]]]] = {
    status.AREA: status.check_status,
    images.AREA: images.check_images,
    pipelines.AREA: pipelines.check_pipelines,
    jobspecs.AREA: jobspecs.check_stack_jobspecs,
    prefixes.AREA: prefixes.check_prefixes,
    traffic.AREA: traffic.check_traffic,
    secret.AREA: secret.check_secret,
    schedules.AREA: schedules.check_schedules,
    executions.AREA: executions.check_executions,
    alarms.AREA: alarms.check_alarms,
    alarms.DEAD_LETTERS: alarms.check_dead_letters,
    published.AREA: published.check_published,
}


def check_stack(stack: Stack) -> Iterator[Finding]:
    """Yield what each area finds. An area whose calls are refused does not end the check."""
    for area, look in AREAS.items():
        yield from guarded(area, partial(look, stack))
        if not stack.is_of_this_project:
            return  # the first deploy failed: there is nothing else
