"""RITA's score on series whose parts are known; test_known_beacon.py has the published value on real connections."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.rita import HOUR, rita_score, span_start

START = 1_713_657_600  # a whole hour


def scored(seconds: list[int], sent: list[int] | None = None):  # type: ignore[no-untyped-def]
    return rita_score(START + np.array(seconds), np.array(sent or [60] * len(seconds)))


def test_equal_gaps_all_day_score_one() -> None:
    assert scored(list(range(0, 24 * HOUR, 60))).score == 1


def test_fewer_than_four_start_seconds_have_no_score() -> None:
    assert scored([5, 5, 70, 900]) is None
    assert scored([5, 6, 70, 900]) is not None
    assert rita_score(np.array([], int), np.array([], int)) is None


def test_timing_by_hand() -> None:
    """Gaps 100, 110, 120, 130, 200: quartiles 105, 120 and 165, skew 30/60, MAD 10."""
    found = scored([0, 100, 210, 330, 460, 660])
    assert found.timing == pytest.approx((1 - 0.5 + 110 / 120) / 2)
    assert (found.histogram, found.duration) == (0, 0)


def test_size_of_connections_without_bytes_is_not_close_to_anything() -> None:
    assert scored(list(range(0, 500, 100)), [0] * 5).size == 0.5
    assert scored(list(range(0, 500, 100)), [60, 60, 60, 60, 900]).size == 1


def test_two_heights_make_a_histogram_of_a_beacon_that_pauses() -> None:
    every_other_hour = [hour * HOUR + second for hour in range(0, 24, 2) for second in range(0, HOUR, 300)]
    found = scored(every_other_hour)
    assert found.histogram == 1
    assert found.duration == pytest.approx(max((every_other_hour[-1] / (24 * HOUR)), 1 / 12))


def test_what_comes_after_a_day_is_in_the_last_bar() -> None:
    late = list(range(1800, 24 * HOUR + 1800, 600))
    assert scored(late).duration == 1
    assert 0.9 < scored(late).histogram <= 1


def test_the_span_starts_with_an_hour() -> None:
    assert span_start(START + 24 * HOUR - 9) == START - HOUR
    assert span_start(START + 24 * HOUR) == START
