"""The arithmetic of the load benchmark."""

from __future__ import annotations

import pytest
from benchmarks.bench_load import Cost, at, per_poll, polls


@pytest.mark.parametrize(
    ("seconds", "number"),
    # Waits of 15, 19, 24, 30, 38, 48, 60, 75, 94, 118 and then 120 s: polls come at 0, 15, 34, 58, 88, 126, ...
    [(0, 1), (1, 2), (15, 2), (16, 3), (34, 3), (88, 5), (521, 11), (522, 12), (641, 12), (1800, 22)],
)
def test_polls_come_after_growing_waits(seconds: float, number: int) -> None:
    assert polls(seconds, 15, 120) == number


def test_an_execution_is_counted_at_any_number_of_polls() -> None:
    runs = [(1, Cost(5, 0, 16)), (3, Cost(11, 0, 34)), (2, Cost(8, 0, 25))]
    assert per_poll(runs, 2, 3) == 9
    assert at(22, runs, 2, 3) == Cost(68, 0, 205)


@pytest.mark.parametrize("runs", [[(1, Cost(6, 0, 16))], [(1, Cost(5, 0, 16)), (1, Cost(5, 0, 16))]])
def test_what_does_not_fit_or_can_t_be_told_is_refused(runs: list[tuple[int, Cost]]) -> None:
    with pytest.raises(AssertionError, match="transitions a poll|same number of polls"):
        per_poll(runs, 2, 3)
