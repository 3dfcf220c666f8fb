"""Anomaly capping against a loop over the rows of each segment group."""

from __future__ import annotations

import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.jobs.fg_b import capping
from ndr.jobs.fg_b.bit_planes import mark_anomalous
from ndr.jobs.fg_b.capping import CappedRows, anomalous_rows
from ndr.jobs.fg_b.selection import SortedRuns

VALUES = st.one_of(st.integers(-20, 20).map(float), st.sampled_from([math.nan, math.inf, -math.inf, 1e6]))
GROUPS = st.lists(st.lists(VALUES, min_size=1, max_size=12), min_size=1, max_size=4)
LIMITS = st.sampled_from([0.5, 1.0, 2.0, 6.0])


def expected(group: list[float], limit: float) -> list[bool]:
    finite = [value for value in group if math.isfinite(value)]
    if not finite:
        return [False] * len(group)
    middle = median(finite)
    mad = median(abs(value - middle) for value in finite)
    return [math.isfinite(value) and mad > 0 and abs(value - middle) / mad > limit for value in group]


def laid_out(groups: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    column = np.array([value for group in groups for value in group])
    return column, np.cumsum([0, *map(len, groups)]).astype(np.int64)


@given(GROUPS, LIMITS)
def test_rows_are_marked_by_the_median_and_the_mad_of_their_group(groups: list[list[float]], limit: float) -> None:
    column, offsets = laid_out(groups)
    wanted = [flag for group in groups for flag in expected(group, limit)]
    before = column.copy()
    assert anomalous_rows(column, offsets, limit).tolist() == wanted
    np.testing.assert_array_equal(column, before)


@given(GROUPS, LIMITS)
def test_the_strategy_for_many_horizons_marks_the_same_rows(groups: list[list[float]], limit: float) -> None:
    column, offsets = laid_out(groups)
    marked = np.zeros(len(column), np.uint64)
    order = np.empty(len(column), np.int64)  # groups are small: the kernel sorts them
    mark_anomalous(column, np.ones(len(column), np.uint64), order, offsets, 1, limit, marked)
    assert marked.astype(bool).tolist() == anomalous_rows(column, offsets, limit).tolist()


def test_a_row_at_the_limit_is_kept() -> None:
    group = [0.0, 1.0, 2.0, 3.0, 4.0, 8.0]  # median 2.5, MAD 1.5
    column, offsets = laid_out([group])
    at = (8.0 - 2.5) / 1.5
    assert not anomalous_rows(column, offsets, at).any()
    assert anomalous_rows(column, offsets, np.nextafter(at, 0)).tolist() == [False] * 5 + [True]


@pytest.mark.parametrize("block", [1, 2, 3, 5, 100])
def test_blocks_of_a_large_group_are_all_looked_at(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    groups = [[1.0, 2.0, 3.0, 4.0, 100.0], [7.0] * 3, [100.0, 1.0, 2.0, 3.0, 4.0, 5.0, -100.0]]
    column, offsets = laid_out(groups)
    monkeypatch.setattr(capping, "_BLOCK", block)
    wanted = [flag for group in groups for flag in expected(group, 6.0)]
    assert sum(wanted) == 3
    assert anomalous_rows(column, offsets, 6.0).tolist() == wanted


@pytest.mark.parametrize(("anomalies", "capped"), [(1, [4]), (2, []), (0, [])])
def test_a_group_that_would_lose_more_than_a_fifth_of_its_rows_is_not_capped(anomalies: int, capped: list[int]) -> None:
    marked = np.array([False] * (5 - anomalies) + [True] * anomalies + [False] * 5)
    found = CappedRows.of(marked, SortedRuns.of(np.array([0, 5, 10])))
    assert (found.rows.tolist(), found.counts.tolist()) == (capped, [len(capped), 0])


def test_a_group_whose_only_values_are_capped_has_the_statistics_of_these() -> None:
    column, offsets = laid_out([[math.inf, math.inf, math.inf, 3.0, 9.0, *[math.inf] * 5], [1.0, 2.0]])
    marked = np.isin(np.arange(len(column)), (3, 4))
    found = CappedRows.of(marked, SortedRuns.of(offsets)).statistics(column, zeros=np.array([0, 38]))
    assert found.median.tolist() == [6.0, 1.5]
    assert found.p95_all is not None
    assert found.p95_all.tolist() == [np.percentile([3.0, 9.0], 95), np.percentile([0.0] * 38 + [1.0, 2.0], 95)]


@pytest.mark.parametrize("seed", range(8))
def test_segments_of_sorted_hosts_equal_sorted_segments(seed: int) -> None:
    random = np.random.default_rng(seed)
    sizes, firsts = random.integers(0, 60, 12), np.array([0, 1, 5, 6, 12])
    sizes[1], sizes[5] = 20, 0
    hosts = np.concatenate(([0], np.cumsum(sizes)))
    column = np.where(random.random(hosts[-1]) < 0.1, np.inf, np.round(random.lognormal(2, 1, hosts[-1])))
    column[hosts[1] : hosts[5]] = np.inf
    column[hosts[1] : hosts[1] + 2] = 4.0, 8.0  # the only values of their segment, and capped below
    by_sorting, by_selection = SortedRuns.of(hosts[firsts]), SortedRuns(hosts, firsts)

    of_hosts = SortedRuns.of(hosts)
    wanted = capping.anomalous_rows_of(column, [of_hosts, by_sorting], 6.0)
    found = capping.anomalous_rows_of(column, [of_hosts, by_selection], 6.0)
    assert [each.tolist() for each in found] == [each.tolist() for each in wanted]

    marked = wanted[1].copy()
    marked[hosts[1] : hosts[1] + 2] = True
    zeros = np.array([0, 3, 5, 40])
    one, other = (CappedRows.of(marked, runs).statistics(column.copy(), zeros) for runs in (by_sorting, by_selection))
    for name in ("percentiles", "mad", "p95_all"):
        np.testing.assert_array_equal(getattr(other, name), getattr(one, name))
    assert other.median[1] == 6.0
