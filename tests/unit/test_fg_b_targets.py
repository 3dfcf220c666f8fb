from __future__ import annotations

import pytest

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.jobspecs.fg_b_builder import Cadences
from ndr.contract.time import Interval, parse_instant
from ndr.jobs.fg_b.specs import expected_ends
from ndr.jobs.fg_b.targets import Target, backfill_targets, regular_targets


def test_a_regular_run_builds_each_horizon_once() -> None:
    end = parse_instant("2026-02-01")
    assert regular_targets("both", "2026-02-01") == [Target(end, "7d"), Target(end, "30d")]
    assert regular_targets("30d", "2026-02-01") == [Target(end, "30d")]


def test_a_backfill_builds_what_the_schedules_would_have() -> None:
    targets = backfill_targets("both", "2026-01-04", "2026-01-07", Cadences())
    assert [(f"{target.end:%m-%d}", target.horizon) for target in targets] == [
        ("01-04", "7d"),
        ("01-05", "30d"),
        ("01-05", "7d"),
        ("01-06", "7d"),
    ]


@pytest.mark.parametrize(
    ("call", "finding"),
    [
        (lambda: regular_targets("9d", "2026-02-01"), "BaselineHorizon is '9d'; write 7d, 30d or both"),
        (lambda: regular_targets("7d", None), "BaselineEndTsIso is none"),
        (lambda: regular_targets("7d", "2026-02-01T00:07:00Z"), "not the end of a 15-minute slice"),
        (lambda: backfill_targets("7d", "2026-02-01", None, Cadences()), "BackfillEndTsIso is none"),
        (lambda: backfill_targets("7d", "2026-02-02", "2026-02-01", Cadences()), "must be before BackfillEndTsIso"),
        (lambda: backfill_targets("30d", "2026-02-03", "2026-02-04", Cadences()), "30d weekly; widen the range"),
    ],
)
def test_a_bad_request_says_what_to_write(call: object, finding: str) -> None:
    with pytest.raises(InvalidRequestError, match=finding):
        call()  # type: ignore[operator]


def test_a_week_has_fifty_working_hours() -> None:
    week = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-12"))
    assert expected_ends(week, Calendar(), ["15m", "24h"]) == {
        (band, window): hours * 4
        for band, hours in {"working_hours": 50, "evening": 20, "night": 70, "weekend_day": 28}.items()
        for window in ("15m", "24h")
    }
