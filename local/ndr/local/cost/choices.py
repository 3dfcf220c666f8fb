"""The choices of a stack beside each other: minutes from delivery to features, and dollars a month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from ndr.contract.fifteen_minutes import BATCH_MINUTES, FIFTEEN_MINUTE_PIPELINES
from ndr.contract.time import SLICE
from ndr.local.cost.estimate import PLAN_SECONDS, Stack, estimate
from ndr.local.cost.month import START_UP_SECONDS, Assumptions
from ndr.local.cost.prices import Prices

SLICE_MINUTES: Final = SLICE.total_seconds() / 60


@dataclass(frozen=True)
class Choice:
    """A pipeline, with scores or without, a batch length, and how batches start.

    Attributes
    ----------
    pipeline : str
        One of FIFTEEN_MINUTE_PIPELINES.
    has_scores : bool
        Whether the project has FG-C.
    on_arrival : bool
        Whether files that arrive start their batch; otherwise the schedule does.
    batch_minutes : int
        Length of a scheduled batch.
    minutes : tuple of float
        From the delivery of a slice at its end until all its features, and scores, are published: of the last slice of
        a batch with the shortest start-up, of the mean slice with the mean start-up, of the first slice with the
        longest.
    dollars : tuple of float
        The bill of a month with the shortest and with the longest start-up.
    """

    pipeline: str
    has_scores: bool
    on_arrival: bool
    batch_minutes: int
    minutes: tuple[float, float, float]
    dollars: tuple[float, float]


def choices(stack: Stack, assumed: Assumptions, prices: Prices) -> Iterator[Choice]:
    """Yield each pipeline, without scores and with them, started both ways, with each batch length.

    What `assumed` has chosen of these does not matter. The delay of the schedule is that of `stack`, at each length.

    Raises
    ------
    InvalidRequestError
        The table has no price for the instance type.
    """
    shortest, longest = START_UP_SECONDS
    asked = product(FIFTEEN_MINUTE_PIPELINES, (False, True), (False, True), BATCH_MINUTES)
    for pipeline, has_scores, on_arrival, minutes in asked:
        one = replace(assumed, pipeline=pipeline, has_scores=has_scores, on_arrival=on_arrival, batch_minutes=minutes)
        waits = minutes - SLICE_MINUTES  # of the first slice, until the batch's last one is over
        short, long = (replace(one, start_up_seconds=seconds) for seconds in (shortest, longest))
        mean = replace(one, start_up_seconds=(shortest + longest) / 2)
        yield Choice(
            pipeline=pipeline,
            has_scores=has_scores,
            on_arrival=on_arrival,
            batch_minutes=minutes,
            minutes=(
                minutes_of_a_batch(stack, short),
                waits / 2 + minutes_of_a_batch(stack, mean),
                waits + minutes_of_a_batch(stack, long),
            ),
            dollars=(_dollars(stack, short, prices), _dollars(stack, long, prices)),
        )


def minutes_of_a_batch(stack: Stack, assumed: Assumptions) -> float:
    """Return the minutes from the end of a batch until its features are published.

    The stack's own waits are the start of its schedule, SettleMinutes where that is later, and the plan; on arrival,
    ArrivalQuietSeconds, and the plans before and after it. Polling adds none: the steps of a pipeline follow each other
    without it.
    """
    waits = stack.quiet_seconds + PLAN_SECONDS if assumed.on_arrival else 60 * stack.schedule_minutes
    return (waits + PLAN_SECONDS + assumed.batch_seconds) / 60


def _dollars(stack: Stack, assumed: Assumptions, prices: Prices) -> float:
    return sum(line.cost for line in estimate(stack, assumed, prices))
