"""The calendar: working days, holidays, patch nights, the hourly profile of a day, and when events happen."""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ndr.contract.time import DAY, DAY_MICROSECONDS, SECOND_MICROSECONDS, Interval, microseconds

_SLOTS = 96

WORKING_HOURS = np.array([0, 0, 0, 0, 0, 0.2, 1, 4, 9, 10, 10, 9, 5, 8, 10, 9, 8, 6, 3, 1.5, 1, 0.6, 0.3, 0.1])
ROUND_THE_CLOCK = np.ones(24)
UPDATE_HOURS = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], float)
INTERNET_HOURS = np.array([3, 2, 2, 2, 2, 3, 4, 6, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 8, 7, 6, 4], float)


@dataclass(frozen=True)
class Calendar:
    """Whole UTC days of traffic.

    `midnights` holds each day's start in microseconds since the epoch. `is_workday` tells the working days,
    `is_patch_night` the days in whose small hours servers and workstations are patched, `weekday` is 0 on Mondays.
    """

    interval: Interval
    midnights: np.ndarray
    is_workday: np.ndarray
    is_patch_night: np.ndarray
    weekday: np.ndarray

    @classmethod
    def ending(cls, end: datetime, days: int) -> "Calendar":
        """Return the `days` days before the midnight `end`."""
        interval = Interval(end - days * DAY, end)
        dates = [interval.start + number * DAY for number in range(days)]
        workdays = [date.weekday() < 5 and not is_holiday(date) for date in dates]
        patched = [_is_patch_tuesday(date - DAY) for date in dates]
        weekday = [date.weekday() for date in dates]
        midnights = [microseconds(date) for date in dates]
        return cls(interval, np.array(midnights, np.int64), np.array(workdays), np.array(patched), np.array(weekday))

    @property
    def days(self) -> int:
        return len(self.midnights)

    @property
    def end(self) -> int:
        """End of the traffic, microseconds since the epoch."""
        return int(self.midnights[-1]) + DAY_MICROSECONDS

    def activity(self, at_rest: float) -> np.ndarray:
        """Return a factor for each day: 1 for a workday, `at_rest` for others."""
        return np.where(self.is_workday, 1.0, at_rest)


def is_holiday(date: datetime) -> bool:
    """Tell whether the company is closed: from 24 December to 1 January."""
    return (date.month == 12 and date.day >= 24) or (date.month, date.day) == (1, 1)


def _is_patch_tuesday(date: datetime) -> bool:
    # Patches are released on the second Tuesday of a month, previews on the fourth.
    return date.weekday() == 1 and (date.day - 1) // 7 in (1, 3)


@dataclass(frozen=True)
class Occasions:
    """Events: day (index), actor (column of the rates), instant (microseconds since the epoch)."""

    day: np.ndarray
    who: np.ndarray
    at: np.ndarray


def occasions(rng: np.random.Generator, calendar: Calendar, rates: np.ndarray, hours: np.ndarray) -> Occasions:
    """Draw events: Poisson counts from `rates`, shape (days, actors), and instants from 24 hourly weights."""
    counts = rng.poisson(rates)
    flat = np.repeat(np.arange(counts.size), counts.ravel())
    day, who = np.divmod(flat, counts.shape[1])
    return Occasions(day, who, calendar.midnights[day] + _time_of_day(rng, hours, len(flat)))


def bursts(rng: np.random.Generator, first: Occasions, mean: float, spread_seconds: float) -> Occasions:
    """Add further events shortly after each event. Their number, with the first, is geometric with the given mean."""
    counts = rng.geometric(1 / mean, len(first.at))
    index = np.repeat(np.arange(len(first.at)), counts)
    later = rng.exponential(spread_seconds, len(index)) * SECOND_MICROSECONDS
    opening = np.cumsum(counts) - counts
    later[opening] = 0
    return Occasions(first.day[index], first.who[index], first.at[index] + later.astype(np.int64))


def regular(rng: np.random.Generator, calendar: Calendar, here: np.ndarray, seconds: float, jitter: float) -> Occasions:
    """Repeat an event at a fixed interval, from a random phase of each actor.

    Parameters
    ----------
    here : np.ndarray
        Whether each actor is present on each day, shape (days, actors).
    seconds, jitter : float
        The interval, and the largest deviation of an event from its time, as a share of the interval.
    """
    count = math.ceil(calendar.days * DAY_MICROSECONDS / (seconds * SECOND_MICROSECONDS)) + 1
    actors = here.shape[1]
    ticks = np.arange(count)[:, None] + rng.random(actors) + rng.uniform(-jitter, jitter, (count, actors))
    offset = (np.maximum(ticks, 0) * seconds * SECOND_MICROSECONDS).astype(np.int64).ravel()
    who = np.broadcast_to(np.arange(actors), ticks.shape).ravel()
    day = offset // DAY_MICROSECONDS
    kept = np.flatnonzero(day < calendar.days)
    kept = kept[here[day[kept], who[kept]].astype(bool)]
    return Occasions(day[kept], who[kept], calendar.midnights[0] + offset[kept])


def nightly(rng: np.random.Generator, calendar: Calendar, hours: np.ndarray, spread_seconds: float) -> Occasions:
    """Start an event of each actor on each day, at its hour (0 to 24, UTC) and up to `spread_seconds` later."""
    day, who = (axis.ravel() for axis in np.indices((calendar.days, len(hours))))
    seconds = hours[who] * 3_600 + rng.uniform(0, spread_seconds, len(who))
    return Occasions(day, who, calendar.midnights[day] + (seconds * SECOND_MICROSECONDS).astype(np.int64))


def _time_of_day(rng: np.random.Generator, hours: np.ndarray, count: int) -> np.ndarray:
    # Weights are interpolated linearly between the middles of the hours, which avoids steps.
    middles = np.arange(24) + 0.5
    density = np.interp((np.arange(_SLOTS) + 0.5) / 4, middles, hours, period=24)
    cumulative = np.concatenate([[0], np.cumsum(density) / density.sum()])
    return (np.interp(rng.random(count), cumulative, np.arange(_SLOTS + 1) / _SLOTS) * DAY_MICROSECONDS).astype(
        np.int64
    )
