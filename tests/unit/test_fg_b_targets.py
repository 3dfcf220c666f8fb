from __future__ import annotations

import pytest

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.jobspecs.fg_b_builder import Cadences, FgBBuilderSpec
from ndr.contract.time import DAY, SLICE, Interval, parse_instant
from ndr.jobs.fg_b.specs import published_ends
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


WEEK = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-12"))


def test_a_week_has_fifty_working_hours() -> None:
    published = [Interval(WEEK.start - DAY, WEEK.end)]
    assert published_ends(WEEK, published, Calendar(), ["15m", "24h"]) == {
        (band, window): hours * 4
        for band, hours in {"working_hours": 50, "evening": 20, "night": 70, "weekend_day": 28}.items()
        for window in ("15m", "24h")
    }


def test_only_windows_that_are_wholly_published_count() -> None:
    """Of a week, four days with a gap of a slice: 24-hour windows end a day after each start."""
    first, last = WEEK.start + 2 * DAY, WEEK.start + 6 * DAY
    gap = first + 2 * DAY
    found = published_ends(WEEK, [Interval(first, gap), Interval(gap + SLICE, last)], Calendar(), ["15m", "1h", "24h"])
    ends = {
        window: sum(each for (_, label), each in found.items() if label == window) for window in ("15m", "1h", "24h")
    }
    assert ends == {"15m": 4 * 96 - 1, "1h": (2 * 96 - 3) + (2 * 96 - 1 - 3), "24h": (2 * 96 - 95) + (2 * 96 - 1 - 95)}


def test_a_baseline_stops_its_safety_gap_before_the_end_that_names_it() -> None:
    inputs = {name: f"s3://bucket/{name}/" for name in ("fg_a", "pair_counts", "machine_inventory")}
    spec = FgBBuilderSpec(inputs=inputs, outputs={"fg_b": "s3://bucket/fg_b/"}, safety_gap={"30d": 0})
    assert spec.interval("7d", WEEK.end) == Interval(WEEK.start - DAY, WEEK.end - DAY)
    assert spec.interval("30d", WEEK.end) == Interval(WEEK.end - 30 * DAY, WEEK.end)
    assert [spec.least_support(window) for window in ("15m", "8h", "24h")] == [50, 8, 4]
    assert spec.model_copy(update={"support_min": 20}).least_support("24h") == 20
