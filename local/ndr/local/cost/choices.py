"""The choices of a stack beside each other: minutes from delivery to features, and dollars a month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ndr.contract.fifteen_minutes import BATCH_MINUTES
from ndr.contract.time import SLICE
from ndr.local.cost.containers import CONTAINERS
from ndr.local.cost.estimate import PLAN_SECONDS, Stack, estimate
from ndr.local.cost.month import START_UP_SECONDS, Assumptions
from ndr.local.cost.prices import Prices

SLICE_MINUTES: Final = SLICE.total_seconds() / 60


@dataclass(frozen=True)
class Choice:
    """A pipeline and a batch length.

    Attributes
    ----------
    pipeline : str
        One of CONTAINERS.
    batch_minutes : int
        Length of a scheduled batch.
    minutes : tuple of float
        From the delivery of a slice at its end until all its features are published: of the last slice of a batch with
        the shortest start-up, of the mean slice with the mean start-up, of the first slice with the longest.
    dollars : tuple of float
        The bill of a month with the shortest and with the longest start-up.
    """

    pipeline: str
    batch_minutes: int
    minutes: tuple[float, float, float]
    dollars: tuple[float, float]


def choices(stack: Stack, assumed: Assumptions, prices: Prices) -> Iterator[Choice]:
    """Yield each pipeline with each batch length, whatever `assumed` has chosen.

    Raises
    ------
    InvalidRequestError
        The table has no price for the instance type.
    """
    shortest, longest = START_UP_SECONDS
    for pipeline in CONTAINERS:
        for minutes in BATCH_MINUTES:
            one = replace(assumed, pipeline=pipeline, batch_minutes=minutes)
            waits = minutes - SLICE_MINUTES  # of the first slice, until the batch's last one is over
            short, long = (replace(one, start_up_seconds=seconds) for seconds in (shortest, longest))
            mean = replace(one, start_up_seconds=(shortest + longest) / 2)
            yield Choice(
                pipeline=pipeline,
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

    The stack's own waits are the start of its schedule, SettleMinutes where that is later, and the plan. Polling adds
    none: the steps of a pipeline follow each other without it.
    """
    return stack.schedule_minutes + (PLAN_SECONDS + assumed.batch_seconds) / 60


def _dollars(stack: Stack, assumed: Assumptions, prices: Prices) -> float:
    return sum(line.cost for line in estimate(stack, assumed, prices))
