"""How much of a window was published, and how many days of its lookback, slice by slice and day by day."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.time import DAY, SLICE, Interval, parse_instant, slice_number
from ndr.jobs.fg_a.published_time import PublishedTime

MIDNIGHT = parse_instant("2026-02-01")
INPUTS = Interval(MIDNIGHT, MIDNIGHT + 4 * DAY + 9 * SLICE)


def window(end: timedelta, hours: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array([slice_number(MIDNIGHT + end)]), np.array([int(hours * 4)])


@given(
    st.lists(st.tuples(st.integers(-20, 400), st.integers(1, 120)), max_size=6),
    st.integers(1, 393),
    st.sampled_from([1, 2, 4, 32, 96]),
    st.integers(1, 3),
)
def test_equals_looking_at_every_slice(spans: list[tuple[int, int]], end: int, width: int, lookback: int) -> None:
    delivered = [Interval(MIDNIGHT + at * SLICE, MIDNIGHT + (at + length) * SLICE) for at, length in spans]
    there = {number for at, length in spans for number in range(at, at + length) if 0 <= number < 393}
    published = PublishedTime.of(delivered, INPUTS)
    ends, widths = np.array([slice_number(MIDNIGHT) + end]), np.array([width])
    seen = [number in there for number in range(end - width, end)]
    assert published.window_coverage(ends, widths).tolist() == [sum(seen) / width]
    first_day = (end - width) // 96
    days = [any(number // 96 == day for number in there) for day in range(first_day - lookback, first_day)]
    assert published.lookback_days(ends, widths, lookback).tolist() == [sum(days)]


def test_a_window_that_reaches_before_the_data_is_not_full() -> None:
    published = PublishedTime.of([Interval(MIDNIGHT + 2 * DAY, MIDNIGHT + 4 * DAY)], INPUTS)
    assert published.window_coverage(*window(timedelta(days=2, hours=6), 24)).tolist() == [0.25]
    assert published.window_coverage(*window(timedelta(days=2, hours=6), 1)).tolist() == [1.0]
    assert published.window_coverage(*window(timedelta(days=3), 24)).tolist() == [1.0]


def test_a_fresh_installation_has_no_lookback() -> None:
    published = PublishedTime.of([Interval(MIDNIGHT + 2 * DAY, MIDNIGHT + 4 * DAY)], INPUTS)
    assert published.lookback_days(*window(timedelta(days=2, hours=23), 1), 30).tolist() == [0]
    assert published.lookback_days(*window(timedelta(days=4, hours=1), 1), 30).tolist() == [2]
    assert published.lookback_days(*window(timedelta(days=4, hours=1), 24), 30).tolist() == [1]
