"""Support: windows that do not overlap; and the slices and days of a host's sessions."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import DAY, SLICE, Interval, parse_instant
from ndr.jobs.fg_b.active_slices import ActiveSlices
from ndr.jobs.fg_b.disjoint_windows import DisjointWindows, disjoint_counts, window_lengths
from ndr.jobs.fg_b.row_columns import read_keys
from ndr.jobs.fg_b.row_source import TableRows

START = parse_instant("2026-01-05")


def counted(ends: list[int], length: int) -> int:
    (found,) = disjoint_counts(np.array(ends, np.int64), np.array([0, len(ends)]), np.array([length]))
    return int(found)


def test_eight_days_have_eight_windows_of_a_day_and_a_connection_has_one() -> None:
    assert counted(list(range(1, 8 * 96 + 1)), 96) == 8
    assert counted(list(range(40, 40 + 96)), 96) == 1
    assert counted([], 96) == 0


@given(st.sets(st.integers(0, 12), max_size=8), st.integers(1, 5))
def test_no_choice_of_windows_that_do_not_overlap_is_larger(ends: set[int], length: int) -> None:
    chosen = [
        size
        for size in range(len(ends) + 1)
        for each in combinations(sorted(ends), size)
        if all(later - earlier >= length for earlier, later in pairwise(each))
    ]
    assert counted(sorted(ends), length) == max(chosen)


def test_groups_are_counted_apart_and_by_the_rows_with_a_value() -> None:
    lengths, hour = window_lengths(["15m", "1h"]), 4
    ends = np.array([*range(10), *range(10)]) * int(lengths[0])
    windows = DisjointWindows(ends, np.array([0, 10, 20]), lengths)
    column = np.where(np.arange(20) % 10 < hour, np.inf, 1.0)
    assert windows.with_value(np.zeros(20)).tolist() == [10, 3]
    assert windows.with_value(column).tolist() == [6, 2]


def test_a_window_that_is_unknown_is_named() -> None:
    with pytest.raises(SchemaMismatchError, match=r"\['2h'\], but the windows are 15m, 30m"):
        window_lengths(["15m", "2h"])


def test_slices_and_utc_days_are_counted_within_an_interval_that_starts_and_ends_within_a_day() -> None:
    slices = [0, 1, 95, 96, 3 * 96, 5 * 96 + 10]
    rows = pa.table(
        {
            "host_ip": ["10.0.0.1"] * len(slices),
            "role": ["outbound"] * len(slices),
            "time_band": ["night"] * len(slices),
            "window_label": ["15m"] * len(slices),
            "window_end": pa.array([START + (number + 1) * SLICE for number in slices], pa.timestamp("us", "UTC")),
        }
    )

    class Here:
        map = staticmethod(map)

    keys, _ = read_keys(TableRows(rows), Interval(START - DAY, START + 9 * DAY), Here())  # type: ignore[arg-type]
    active = ActiveSlices.of(keys, ["10.0.0.1"])
    interval = Interval(START + SLICE, START + 5 * DAY + 10 * SLICE)
    slices_of, days_of = active.within(
        interval, [("10.0.0.1", "outbound"), ("10.0.0.1", "inbound"), ("no", "outbound")]
    )
    assert (slices_of.tolist(), days_of.tolist()) == ([4, 0, 0], [3, 0, 0])
