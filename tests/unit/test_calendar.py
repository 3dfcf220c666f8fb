"""Every local quarter hour has exactly one band, whatever the zone does with its clocks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ndr.contract.jobspecs.calendar import Band, Calendar
from ndr.contract.time import slice_number
from ndr.jobs.fg_a.business_time import calendar_columns

ALL_WEEK = {"name": "always"}
ZONES = ["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "UTC"]


def _clock(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, list[list[str]]]:
    """A calendar, and the band of each quarter hour of each weekday that its bands were written from."""
    week, bands = [], []
    for weekday in range(7):
        cuts = sorted(draw(st.sets(st.integers(1, 95), max_size=4)))
        names = draw(st.lists(st.sampled_from("abc"), min_size=len(cuts) + 1, max_size=len(cuts) + 1))
        edges = [0, *cuts, 96]
        week.append([name for name, *run in zip(names, edges, edges[1:], strict=False) for _ in range(*run)])
        parts = [
            Band(name=name, days=(weekday,), start=_clock(start), end=_clock(end))
            for name, start, end in zip(names, edges, edges[1:], strict=False)
        ]
        # The first and the last part are one band over midnight where they have one name.
        if len(cuts) > 1 and names[0] == names[-1]:
            parts[0] = Band(name=names[0], days=(weekday,), start=_clock(cuts[-1]), end=_clock(cuts[0]))
            parts.pop()
        bands += parts
    holidays = draw(st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=3))
    calendar = Calendar(
        time_zone=draw(st.sampled_from(ZONES)),
        weekend_days=draw(st.sampled_from([(5, 6), (4, 5), (6,)])),
        holidays=tuple(holidays),
        bands=tuple(draw(st.permutations(bands))),
    )
    return calendar, week


# Days around clock changes of Berlin and of Lord Howe, whose clocks move by half an hour.
_DAYS = st.sampled_from([datetime(2026, *day, tzinfo=UTC) for day in [(3, 28), (4, 4), (7, 1), (10, 3), (10, 24)]])


@given(calendars(), _DAYS)
def test_each_slice_has_the_band_of_its_local_quarter_hour(given_: tuple[Calendar, list[list[str]]], day: Any) -> None:
    calendar, week = given_
    first = slice_number(day)
    found = calendar_columns(np.arange(first + 1, first + 1 + 2 * 96), calendar)
    for number, band in enumerate(found["time_band"].to_pylist()):
        local = (day + number * timedelta(minutes=15)).astimezone(ZoneInfo(calendar.time_zone))
        is_holiday = local.date() in calendar.holidays
        weekday = calendar.weekend_days[-1] if is_holiday else local.weekday()
        assert band == week[weekday][local.hour * 4 + local.minute // 15]
        assert found["is_weekend"][number].as_py() == (is_holiday or local.weekday() in calendar.weekend_days)


@given(calendars(), st.data())
def test_a_band_too_few_or_too_many_is_refused(given_: tuple[Calendar, list[list[str]]], data: st.DataObject) -> None:
    bands = [band.model_dump() for band in given_[0].bands]
    changed = data.draw(st.sampled_from(bands))
    with pytest.raises(ValidationError, match="needs exactly one band, but none has"):
        Calendar.model_validate({"bands": [band for band in bands if band is not changed]})
    with pytest.raises(ValidationError, match="needs exactly one band, but . and . both have"):
        Calendar.model_validate({"bands": [*bands, changed]})


def test_the_default_bands_share_the_week() -> None:
    week = [(date(2026, 1, 5 + day), time(hour)) for day in range(7) for hour in range(24)]
    hours = Counter(Calendar().band_of(*at) for at in week)
    assert hours == {"working_hours": 50, "evening": 20, "night": 70, "weekend_day": 28}


def test_a_holiday_has_the_bands_of_the_last_weekend_day() -> None:
    calendar = Calendar(holidays=(date(2026, 12, 25),))
    assert calendar.band_of(date(2026, 12, 25), time(10)) == "weekend_day"
    assert calendar.band_of(date(2026, 12, 24), time(10)) == "working_hours"
    assert calendar.is_weekend(date(2026, 12, 25))


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"bands": [{"name": "day", "start": "08:00", "end": "22:00"}]},
         "but none has Monday 00:00 to 08:00, none has Monday 22:00 to 24:00, none has Tuesday .* and 10 more"),
        ({"bands": [ALL_WEEK, {"name": "friday", "days": [4], "start": "17:45"}]},
         "but always and friday both have Friday 17:45 to 24:00; correct bands"),
        ({"bands": [ALL_WEEK | {"start": "08:10"}]}, "is not a quarter hour; write one such as 08:00"),
        ({"bands": [ALL_WEEK | {"start": "08:00", "end": "08:00"}]}, "are both 08:00; write 00:00 and 24:00"),
        ({"weekend_days": [], "holidays": ["2026-12-25"]}, "weekend_days is empty; name a day"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(changes: dict[str, Any], finding: str) -> None:
    with pytest.raises(ValidationError, match=finding):
        Calendar.model_validate(changes)
