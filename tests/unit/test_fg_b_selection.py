"""Order statistics of unions of sorted runs, against sorting the unions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.jobs.fg_b import selection
from ndr.jobs.fg_b.order_statistics import OrderStatistics, finite_counts, order_statistics, sort_groups
from ndr.jobs.fg_b.selection import pooled_statistics

NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e9, 1e9), st.just(math.inf))
UNIONS = st.lists(st.lists(st.lists(NUMBERS, max_size=40), min_size=1, max_size=5), min_size=1, max_size=4)


def laid_out(unions: list[list[list[float]]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values, sorted within each run, the offsets of the runs, and the first run of each union."""
    runs = [sorted(run) for union in unions for run in union]
    values = np.array([value + 0.0 for run in runs for value in run])
    return values, np.cumsum([0, *map(len, runs)]), np.cumsum([0, *map(len, unions)])


def by_sorting(values: np.ndarray, offsets: np.ndarray, unions: np.ndarray, zeros: np.ndarray) -> OrderStatistics:
    values, pooled = values.copy(), offsets[unions]
    sort_groups(values, pooled)
    return order_statistics(values, pooled[:-1], finite_counts(values, pooled), zeros)


def assert_same(values: np.ndarray, offsets: np.ndarray, unions: np.ndarray) -> None:
    sizes = np.diff(offsets[unions])
    for zeros in (np.zeros_like(sizes), sizes // 3, 30 * sizes + 1):
        wanted = by_sorting(values, offsets, unions, zeros)
        found = pooled_statistics(values, offsets, finite_counts(values, offsets), unions, zeros)
        np.testing.assert_array_equal(found.percentiles, wanted.percentiles)
        np.testing.assert_array_equal(found.mad, wanted.mad)
        np.testing.assert_array_equal(found.p95_all, wanted.p95_all)
    assert pooled_statistics(values, offsets, finite_counts(values, offsets), unions).p95_all is None


@pytest.mark.parametrize("stride", [1, 3, 16])
@settings(deadline=None, max_examples=150)
@given(unions=UNIONS)
def test_equals_sorting_bit_for_bit(stride: int, unions: list[list[list[float]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "_STRIDE", stride)
        values, offsets, firsts = laid_out(unions)
        if len(values):
            assert_same(values, offsets, firsts)


@pytest.mark.parametrize("kind", ["spread", "ties", "one value", "apart", "capped", "one run each"])
def test_large_unions_equal_sorting_bit_for_bit(kind: str) -> None:
    random = np.random.default_rng(3)
    unions = []
    for union in range(3):
        sizes = random.integers(0, 1500, 1 if kind == "one run each" else 30)
        draws = [random.lognormal(3, 2, size) for size in sizes]
        if kind == "ties":
            draws = [np.round(each / 10) for each in draws]
        if kind == "one value":
            draws = [np.full(len(each), float(union)) for each in draws]
        if kind == "apart":  # no two runs overlap: a sampled rank is as far off as it gets
            draws = [each + 1e9 * number for number, each in enumerate(draws)]
        if kind == "capped":
            draws = [np.where(random.random(len(each)) < 0.3, np.inf, each) for each in draws]
        unions.append([each.tolist() for each in draws])
    assert_same(*laid_out(unions))


def test_a_bracket_that_misses_is_widened(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    unions = [[random.lognormal(3, 2, 700).tolist() for _ in range(9)] for _ in range(2)]
    brackets = selection._Sample.brackets

    def wrong(sample: selection._Sample, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low, high = brackets(sample, wanted)
        return np.where(wanted % 2, high, low), np.where(wanted % 2, high + 1.0, low)

    monkeypatch.setattr(selection._Sample, "brackets", wrong)
    assert_same(*laid_out(unions))
