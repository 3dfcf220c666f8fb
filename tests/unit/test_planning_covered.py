"""Covered time against the arithmetic of `ndr.contract.time`, which looks at every interval."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.time import SLICE, Interval, coverage, parse_instant, unfilled
from ndr.planner.covered import Covered

START = parse_instant("2026-01-05")


def interval(first: int, count: int) -> Interval:
    return Interval(START + first * SLICE, START + (first + count) * SLICE)


INTERVALS = st.builds(interval, st.integers(0, 60), st.integers(1, 12))


@given(st.lists(INTERVALS, max_size=20), INTERVALS)
def test_shares_gaps_and_meetings_are_those_of_all_intervals(covered: list[Interval], wanted: Interval) -> None:
    found = Covered.of(covered)
    assert found.gaps(wanted) == unfilled(wanted, covered)
    assert found.share(wanted) == pytest.approx(coverage(wanted, covered), abs=1e-12)
    assert found.meets(wanted) == any(each.intersection(wanted) for each in covered)


def test_whole_and_nothing_are_exact() -> None:
    assert Covered.of([interval(0, 4), interval(4, 4)]).share(interval(1, 6)) == 1.0
    assert Covered.of([interval(0, 4)]).share(interval(4, 4)) == 0.0
    assert Covered().share(interval(0, 1)) == 0.0
