"""When a schedule of EventBridge Scheduler starts: the times of its cron expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
SEARCHED_DAYS: Final = 400


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes, hours, days of the month, months and days of the week at which a schedule starts.

    Days of the week are 1 (Sunday) to 7. A field that is `*` or `?` has all its values.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def parse(cls, expression: str) -> Self | None:
        """Read `cron(30 0 2-31 * ? *)`. None for another form: rates, single times, and the letters L, W and #.

        Notes
        -----
        The form is that of EventBridge Scheduler's user guide: minutes, hours, day of month, month, day of week, year.
        """
        found = re.fullmatch(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) \*\)", expression)
        if found is None:
            return None
        try:
            minutes, hours, days, months, weekdays = (
                _values(field, *bounds)
                for field, bounds in zip(found.groups(), ((0, 59), (0, 23), (1, 31), (1, 12), (1, 7)), strict=True)
            )
        except ValueError:
            return None
        return cls(minutes, hours, days, months, weekdays)

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first start after an instant; None if there is none within 400 days."""
        return next((start for start in self._of_days(instant, 1) if start > instant), None)

    def last_before(self, instant: datetime) -> datetime | None:
        """Return the last start at or before an instant; None if there is none within 400 days."""
        return next((start for start in self._of_days(instant, -1) if start <= instant), None)

    def _of_days(self, instant: datetime, step: int) -> Iterator[datetime]:
        """Yield the starts of the instant's day and of those after or before it, in that order."""
        midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
        for number in range(SEARCHED_DAYS):
            day = midnight + step * timedelta(days=number)
            if day.day in self.days and day.month in self.months and day.isoweekday() % 7 + 1 in self.weekdays:
                starts = [day.replace(hour=hour, minute=minute) for hour in self.hours for minute in self.minutes]
                yield from sorted(starts, reverse=step < 0)


def _values(field: str, first: int, last: int) -> frozenset[int]:
    """Return the values of a field: `*`, `?`, `5`, `MON`, `2-31`, `5/15`, and lists of these."""
    found: set[int] = set()
    for part in field.split(","):
        whole, _, step = part.partition("/")
        if whole in ("*", "?"):
            low, high = first, last
        else:
            low_text, dash, high_text = whole.partition("-")
            low = _number(low_text)
            high = _number(high_text) if dash else last if step else low
        if not first <= low <= high <= last:
            raise ValueError(f"{part} is not within {first} to {last}")
        found.update(range(low, high + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str) -> int:
    return DAYS.index(text) + 1 if text in DAYS else int(text)
