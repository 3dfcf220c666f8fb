"""The local calendar that features are compared by: time zone, weekend, holidays and the bands of the week."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, time
from functools import cached_property
from itertools import groupby
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from ndr.contract.jobspecs.model import SpecModel
from ndr.contract.jobspecs.time_zone import TimeZone
from ndr.contract.time import SLICES_PER_DAY

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_QUARTERS_AN_HOUR: Final = SLICES_PER_DAY // 24
_QUARTER_HOUR: Final = re.compile(r"([01]\d|2[0-3]):(00|15|30|45)|24:00", re.ASCII)
_SHOWN: Final = 4  # gaps or overlaps in one sentence


def _quarter_hour(text: str) -> str:
    if not _QUARTER_HOUR.fullmatch(text):
        raise ValueError("is not a quarter hour; write one such as 08:00 or 17:45, or 24:00 for the end of the day")
    return text


Weekday = Annotated[int, Field(ge=0, le=6)]
QuarterHour = Annotated[str, AfterValidator(_quarter_hour)]


class Band(SpecModel):
    """A part of the week: [start, end) in local time on each of `days`; 0 is Monday.

    An end before the start spans midnight: the band has [00:00, end) and [start, 24:00) of each of its days. A band of
    several parts is written several times, with one name.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)] = tuple(range(len(WEEKDAYS)))
    start: QuarterHour = "00:00"
    end: QuarterHour = "24:00"

    @model_validator(mode="after")
    def _has_time(self) -> Self:
        if self.start == self.end:
            raise ValueError(f"start and end are both {self.start}; write 00:00 and 24:00 for whole days")
        return self

    def quarters(self) -> Iterator[int]:
        """Return the quarter hours of the week that the band has, from 0 at Monday 00:00."""
        first, last = _number(self.start), _number(self.end)
        of_day = range(first, last) if first < last else [*range(last), *range(first, SLICES_PER_DAY)]
        return (day * SLICES_PER_DAY + quarter for day in set(self.days) for quarter in of_day)


_WORKING_DAYS: Final = (0, 1, 2, 3, 4)
_WEEKEND_DAYS: Final = (5, 6)
DEFAULT_BANDS: Final = (
    Band(name="working_hours", days=_WORKING_DAYS, start="08:00", end="18:00"),
    Band(name="evening", days=_WORKING_DAYS, start="18:00", end="22:00"),
    Band(name="night", start="22:00", end="08:00"),
    Band(name="weekend_day", days=_WEEKEND_DAYS, start="08:00", end="22:00"),
)


class Calendar(SpecModel):
    """Local time, the weekend and the bands, of which every local quarter hour has exactly one.

    A holiday is a day of the weekend, and has the bands of the last of `weekend_days`.
    """

    time_zone: TimeZone = "UTC"
    weekend_days: tuple[Weekday, ...] = _WEEKEND_DAYS
    holidays: tuple[date, ...] = ()
    bands: tuple[Band, ...] = DEFAULT_BANDS

    @model_validator(mode="after")
    def _complete(self) -> Self:
        problems = _problems(_bands_of_quarters(self.bands))
        if problems:
            more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
            shown = ", ".join(problems[:_SHOWN])
            raise ValueError(f"every local quarter hour needs exactly one band, but {shown}{more}; correct bands")
        if self.holidays and not self.weekend_days:
            raise ValueError("holidays count as weekend, but weekend_days is empty; name a day, such as 6 for Sunday")
        return self

    @cached_property
    def band_names(self) -> tuple[str, ...]:
        """The names of the bands, each once, in their order."""
        return tuple(dict.fromkeys(band.name for band in self.bands))

    @cached_property
    def _of_quarters(self) -> list[str]:
        return [names[0] for names in _bands_of_quarters(self.bands)]

    def is_weekend(self, day: date) -> bool:
        """Tell whether a local day is a weekend day or a holiday."""
        return day.weekday() in self.weekend_days or day in self.holidays

    def band_of(self, day: date, local: time) -> str:
        """Return the band of a local time on a local day."""
        weekday = self.weekend_days[-1] if day in self.holidays else day.weekday()
        quarter = local.hour * _QUARTERS_AN_HOUR + local.minute * _QUARTERS_AN_HOUR // 60
        return self._of_quarters[weekday * SLICES_PER_DAY + quarter]


def _number(text: str) -> int:
    hour, minute = map(int, text.split(":"))
    return hour * _QUARTERS_AN_HOUR + minute * _QUARTERS_AN_HOUR // 60


def _text(quarter: int) -> str:
    return f"{quarter // _QUARTERS_AN_HOUR:02}:{quarter % _QUARTERS_AN_HOUR * 60 // _QUARTERS_AN_HOUR:02}"


def _bands_of_quarters(bands: Sequence[Band]) -> list[list[str]]:
    """Return the names of the bands that each quarter hour of the week has."""
    found: list[list[str]] = [[] for _ in range(len(WEEKDAYS) * SLICES_PER_DAY)]
    for band in bands:
        for quarter in band.quarters():
            found[quarter].append(band.name)
    return found


def _problems(of_quarters: Sequence[list[str]]) -> list[str]:
    """Return each stretch of a day without a band or with more than one, as half a sentence."""
    problems = []
    for number, weekday in enumerate(WEEKDAYS):
        first = number * SLICES_PER_DAY
        for names, run in groupby(range(SLICES_PER_DAY), lambda quarter: of_quarters[first + quarter]):  # noqa: B023
            quarters = list(run)
            if len(names) != 1:
                owner = (
                    " and ".join(names) + (" both have" if len(names) == 2 else " all have") if names else "none has"
                )
                problems.append(f"{owner} {weekday} {_text(quarters[0])} to {_text(quarters[-1] + 1)}")
    return problems
