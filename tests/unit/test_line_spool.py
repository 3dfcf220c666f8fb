"""Lines on disk, in sorted parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.contract.time import SLICE, Interval, parse_instant
from ndr.jobs.deltas import line_spool
from ndr.jobs.deltas.line_spool import LineSpool

START = parse_instant("2026-01-05")
PLACES = [Interval(START + number * SLICE, START + (number + 1) * SLICE) for number in range(3)]

lines_strategy = st.lists(
    st.tuples(st.sampled_from(PLACES[:2]), st.text(st.characters(codec="utf-8", categories=["L", "N"]), max_size=6))
)


@pytest.mark.parametrize(("held", "part"), [(1, 20), (1 << 20, 1 << 20), (30, 7)])
@settings(max_examples=40, deadline=None)
@given(lines=lines_strategy, random=st.randoms())
def test_parts_are_sorted_and_do_not_depend_on_the_order_of_the_lines(
    tmp_path_factory: Any, held: int, part: int, lines: list[tuple[Interval, str]], random: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_spool, "_HELD_BYTES", held)
        patch.setattr(line_spool, "PART_BYTES", part)
        shuffled = random.sample(lines, len(lines))
        one, other = (_spooled(tmp_path_factory.mktemp("spool") / "lines", each) for each in (lines, shuffled))
        assert one.places() == {place for place, _ in lines}
        for place in PLACES:
            parts = list(one.sorted_parts(place))
            assert parts == list(other.sorted_parts(place))
            assert len(parts) == one.parts(place)
            apart = [content.decode().split("\n")[:-1] for content in parts]
            assert all(each == sorted(each) for each in apart)
            assert sorted(line for each in apart for line in each) == sorted(line for at, line in lines if at == place)


def _spooled(folder: Path, lines: list[tuple[Interval, str]]) -> LineSpool:
    spool = LineSpool(folder)
    for place, line in lines:
        spool.add(place, line)
    return spool
