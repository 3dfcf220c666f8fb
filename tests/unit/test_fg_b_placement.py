"""The places of rows, block by block, against one sort of all rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.jobs.fg_b import layout
from ndr.jobs.fg_b.baseline import StatisticsRules
from ndr.jobs.fg_b.layout import lay_out
from ndr.jobs.fg_b.placement import Placement, RowKeys, Runs, blocks_of

HOSTS = ["10.0.1.1", "10.0.0.2", "10.0.0.1"]
BANDS = ["working_hours", "off_hours"]
RULES = StatisticsRules(("sessions",), ())

# A row is (host, band, window end); pieces in any order, alone or overlapping in time.
PIECES = st.lists(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 9)), min_size=1, max_size=12, unique=True),
    max_size=6,
)


def keys_of(pieces: list[list[tuple[int, int, int]]]) -> RowKeys:
    rows = np.array([row for piece in pieces for row in piece], np.int64).reshape(-1, 3)
    ends, end_codes = np.unique(rows[:, 2], return_inverse=True)
    one = np.zeros(len(rows), np.uint8)
    return RowKeys(
        codes={
            "host_ip": rows[:, 0].astype(np.uint8), "role": one, "time_band": rows[:, 1].astype(np.uint8),
            "window_label": one,
        },
        texts={"host_ip": HOSTS, "role": ["outbound"], "time_band": BANDS, "window_label": ["15m"]},
        end_codes=end_codes.astype(np.uint16),
        ends=ends,
        piece_starts=np.cumsum([0, *map(len, pieces)]),
    )  # fmt: skip


def expected(pieces: list[list[tuple[int, int, int]]]) -> list[tuple[str, str, int]]:
    """Sort rows by segment, band, host and window end."""
    rows = [(HOSTS[host], BANDS[band], end) for piece in pieces for host, band, end in piece]
    return sorted(rows, key=lambda row: (row[0].rpartition(".")[0], row[1], row[0], row[2]))


@pytest.mark.parametrize("rows_a_group", [0, 1, 32])
@settings(deadline=None, max_examples=100)
@given(pieces=PIECES)
def test_every_row_goes_where_one_sort_puts_it(rows_a_group: int, pieces: list[list[tuple[int, int, int]]]) -> None:
    keys = keys_of(pieces)
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(layout, "_ROWS_A_GROUP", rows_a_group)
        found = lay_out(keys, RULES, pool)
    wanted = expected(pieces)
    hosts, bands, ends = (np.full(len(wanted), -1) for _ in range(3))
    for each in found.placements:
        piece = np.array(pieces[each.piece])[each.rows]
        for column, values in ((hosts, piece[:, 0]), (bands, piece[:, 1]), (ends, piece[:, 2])):
            each.write(column, values)
    assert [(HOSTS[host], BANDS[band], end) for host, band, end in zip(hosts, bands, ends, strict=True)] == wanted
    groups, end_codes = np.divmod(found.moments, max(len(found.ends), 1))
    names = [(found.group_keys["host_ip"][group], found.group_keys["time_band"][group]) for group in groups]
    assert [(*name, found.ends[code]) for name, code in zip(names, end_codes, strict=True)] == wanted
    observed = {(found.group_segments[group], code) for group, code in zip(groups, end_codes, strict=True)}
    assert set(zip(*np.nonzero(found.seen), strict=True)) == observed


@given(PIECES, st.integers(0, 30))
def test_a_block_ends_before_the_next_one_starts(pieces: list[list[tuple[int, int, int]]], least: int) -> None:
    blocks = blocks_of(keys_of(pieces), least)
    assert sorted(piece for block in blocks for piece in block) == list(range(len(pieces)))
    spans = [[end for piece in block for _, _, end in pieces[piece]] for block in blocks]
    assert all(max(one) < min(other) for one, other in pairwise(spans))
    assert all(len(ends) >= least for ends in spans[:-1])


def test_pieces_one_after_the_other_are_blocks_of_their_own() -> None:
    pieces = [[(0, 0, 4), (1, 0, 5)], [(0, 0, 0), (0, 1, 1)], [(2, 0, 2), (2, 0, 3)], [(2, 1, 3)]]
    assert blocks_of(keys_of(pieces), 0) == [[1], [2, 3], [0]]


def test_a_run_is_filled_with_values_in_order_or_with_one_value() -> None:
    column = np.zeros(8)
    placement = Placement(0, np.arange(5), [Runs(np.array([7]), 1), Runs(np.array([4, 1]), 2)])
    placement.write(column, np.arange(1.0, 6.0))
    assert column.tolist() == [0, 4, 5, 0, 2, 3, 0, 1]
    placement.write(column, np.inf)
    assert np.isinf(column).tolist() == [False, True, True, False, True, True, False, True]
