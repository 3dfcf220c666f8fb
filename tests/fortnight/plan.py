"""What happens when: deliveries, the schedules of each stack, an outage, an upgrade, and what people start by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from ndr.contract.time import DAY, SLICE, Interval, ceil_to, floor_to, format_instant
from tests.fortnight.deliveries import HOUR, MINUTE, Delivery, deliveries
from tests.fortnight.traffic import Traffic

Schedule = Literal["every slice", "every hour"]
Machine = Literal["mini_batch", "baselines"]
MONDAY: Final = 0
REPEATED: Final = 0.03
"""Share of slices that somebody runs again by hand, at some time within a day."""


@dataclass(frozen=True)
class Start:
    """A start of a machine's execution in a stack."""

    stack: str
    machine: Machine
    request: dict[str, Any]


@dataclass(frozen=True)
class Upgrade:
    """A new release is deployed."""


Event = Delivery | Start | Upgrade
_Timed = tuple[datetime, Machine, dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """The events of a simulation, the same for the same seed.

    Attributes
    ----------
    traffic
        What is delivered, to every stack.
    schedules
        How often each stack runs a mini-batch, by its name.
    seed
        Seed of every draw.
    """

    traffic: Traffic
    schedules: dict[str, Schedule]
    seed: int

    @property
    def outage(self) -> Interval:
        """The time in which no schedule starts anything: a day, or a quarter of a shorter simulation."""
        whole = self.traffic.interval
        start = floor_to(whole.start + 0.6 * whole.duration, SLICE)
        return Interval(start, floor_to(start + min(DAY, whole.duration / 4), SLICE))

    def events(self) -> list[tuple[datetime, Event]]:
        """Return what happens until the traffic ends, in order."""
        whole = self.traffic.interval
        found: list[tuple[datetime, Event]] = [(each.at, each) for each in deliveries(self.traffic, self.seed)]
        found.append((whole.start + whole.duration / 2 + 7 * MINUTE, Upgrade()))
        for stack, schedule in self.schedules.items():
            scheduled = [*self._mini_batches(schedule), *self._baselines()]
            kept = [each for each in scheduled if each[0] not in self.outage]
            starts = [*kept, *self._by_hand(stack), (whole.start + 2 * HOUR, "baselines", _monthly(whole.start))]
            found += [(at, Start(stack, machine, request)) for at, machine, request in starts]
        return sorted(found, key=lambda each: each[0])

    def _mini_batches(self, schedule: Schedule) -> Iterator[_Timed]:
        """Yield the starts of the template's schedule, with batches of a slice or of an hour."""
        if schedule == "every slice":
            for each in self.traffic.slices:
                yield each.end + 5 * MINUTE, "mini_batch", {}
        else:
            for hour in self.traffic.interval.steps(HOUR):
                yield hour.end + 5 * MINUTE, "mini_batch", {}

    def _baselines(self) -> Iterator[_Timed]:
        for day in self.traffic.interval.steps(DAY):
            midnight = ceil_to(day.end, DAY)
            yield midnight + 0.5 * HOUR, "baselines", {"horizon": "7d"}
            yield midnight + 4.5 * HOUR, "baselines", {"mode": "LATE"}
            if midnight.weekday() == MONDAY:
                yield midnight + 2.5 * HOUR, "baselines", {"horizon": "30d"}

    def _by_hand(self, stack: str) -> Iterator[_Timed]:
        draw = random.Random(f"by hand {stack} {self.seed}")
        for each in self.traffic.slices:
            if draw.random() < REPEATED:
                length = draw.choice([SLICE, SLICE, HOUR])
                wanted = Interval(each.start, min(each.start + length, self.traffic.interval.end))
                yield wanted.end + draw.uniform(0, 24) * HOUR, "mini_batch", batch(wanted)


def batch(interval: Interval) -> dict[str, str]:
    """Return the request of a mini-batch."""
    return {"batch_start": format_instant(interval.start), "batch_end": format_instant(interval.end)}


def _monthly(start: datetime) -> dict[str, Any]:
    """Return the request that unloads the month's inventory, with the baseline of the midnight before the traffic."""
    return {"horizon": "7d", "inventory": True, "reference_month": f"{start:%Y-%m}"}
