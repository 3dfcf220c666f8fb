"""Novelty must not depend on whether the past came from slices or from a pair baseline's masks."""

from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jobs.fg_a_oracle import pair_baseline
from tests.jobs.fg_a_traffic import (
    Traffic,
    at,
    baseline_table,
    delta_table,
    history_table,
    peer_table,
    spec_of,
    traffics,
)

from ndr.contract.time import DAY, WINDOWS, Interval, floor_to
from ndr.jobs.fg_a.history import history_needed
from ndr.jobs.fg_a.kernel import build_fg_a
from ndr.jobs.fg_a.pair_history import PairHistory

FEW = settings(max_examples=40, deadline=None)


def mirrored(rows: list[dict]) -> list[dict]:
    """Add the other end's view: a flow is outbound for its source and inbound for its destination."""
    flip = {"inbound": "outbound", "outbound": "inbound"}
    seen = [row | {"host_ip": row["peer_ip"], "role": flip[row["role"]], "peer_ip": row["host_ip"]} for row in rows]
    return rows + seen


def build(traffic: Traffic, slices: list[dict], baseline: list[dict] | None = None) -> pa.Table:
    return build_fg_a(
        traffic.batch,
        traffic.spec,
        traffic.networks,
        delta_table(traffic.deltas),
        peer_table(traffic.peer_deltas),
        history_table(slices) if slices else None,
        None if baseline is None else baseline_table(baseline),
        published=traffic.published,
    )


@FEW
@given(traffics(), st.integers(0, 96 * 31))
def test_a_baseline_and_the_slices_since_equal_all_slices(traffic: Traffic, slices_before: int) -> None:
    past = mirrored(traffic.history)
    end = floor_to(traffic.earliest, DAY) - timedelta(minutes=15 * slices_before)
    since = [row for row in past if row["slice_start"] >= end]
    assert build(traffic, since, pair_baseline(past, end)).equals(build(traffic, past))


@FEW
@given(traffics(), st.lists(st.integers(0, 40), max_size=3))
def test_what_history_needed_names_is_enough(traffic: Traffic, days_before: list[int]) -> None:
    past = mirrored(traffic.history)
    ends = [floor_to(traffic.batch.end, DAY) - days * DAY for days in days_before]
    needed = history_needed(traffic.batch, traffic.spec.windows, traffic.spec.novelty.lookback_days, ends)
    baseline = None if needed.baseline_end is None else pair_baseline(past, needed.baseline_end)
    slices = [row for row in past if row["slice_start"] >= needed.slices_from]
    assert build(traffic, slices, baseline).equals(build(traffic, past))


@FEW
@given(traffics(), st.integers(1, 3))
def test_days_that_the_windows_see_themselves_are_not_read_from_a_later_baseline(traffic: Traffic, days: int) -> None:
    if traffic.spec.novelty.lookback_days > 30 - days:
        traffic.spec = spec_of(traffic.spec.windows, lookback_days=30 - days)
    past = mirrored(traffic.history)
    midnight = floor_to(traffic.earliest, DAY)
    baseline = pair_baseline(past + mirrored(traffic.peer_deltas), midnight + days * DAY)
    since = [row for row in past if row["slice_start"] >= midnight]
    assert build(traffic, since, baseline).equals(build(traffic, past))


@FEW
@given(traffics())
def test_history_that_repeats_or_overtakes_the_windows_counts_once(traffic: Traffic) -> None:
    overlapping = traffic.history + traffic.history + traffic.peer_deltas
    assert build(traffic, overlapping).equals(build(traffic, traffic.history))


@settings(max_examples=12, deadline=None)
@given(traffics())
def test_days_carried_forward_equal_all_slices(traffic: Traffic) -> None:
    midnight = floor_to(traffic.earliest, DAY)
    opening = midnight - 6 * DAY
    past = mirrored([row for row in traffic.history if row["slice_start"] >= opening])
    carried = PairHistory.empty(opening)
    while carried.end < midnight:
        day = Interval(carried.end, carried.end + DAY)
        carried = carried.after(peer_table([row for row in past if row["slice_start"] in day]))
    since = [row for row in past if row["slice_start"] >= midnight]
    assert build(traffic, since, carried.table.to_pylist()).equals(build(traffic, past))


def test_days_carried_forward_are_the_rows_of_a_baseline() -> None:
    pair = {"host_ip": "10.0.0.5", "role": "outbound", "peer_ip": "192.0.2.1", "peer_port": 443}
    mirror = {"host_ip": "192.0.2.1", "role": "inbound", "peer_ip": "10.0.0.5", "peer_port": 443}
    carried = PairHistory.empty(at("2026-03-08"))
    for rows in ([pair, mirror], [], [pair | {"peer_port": 22}, pair]):
        carried = carried.after(peer_table([row | {"slice_start": carried.end} for row in rows]))
    found = {(row["src_ip"], row["dst_port"]): row["active_days_mask"] for row in carried.table.to_pylist()}
    assert found == {("10.0.0.5", 443): 0b101, ("10.0.0.5", 22): 0b1}
    assert carried.table.column("baseline_end").unique().to_pylist() == [at("2026-03-11")]


BATCH = Interval(at("2026-03-10T06:00"), at("2026-03-10T06:15"))


@pytest.mark.parametrize(
    ("ends", "baseline_end", "slices_from"),
    [
        ([], None, "2026-02-07"),
        (["2026-03-09"], "2026-03-09", "2026-03-09"),
        (["2026-03-10", "2026-03-02", "2026-02-23"], "2026-03-02", "2026-03-02"),
        (["2026-02-07"], None, "2026-02-07"),
        (["2026-02-07T00:15"], "2026-02-07T00:15", "2026-02-07T00:15"),
    ],
)
def test_the_newest_baseline_that_reaches_far_enough_back_is_named(
    ends: list[str], baseline_end: str | None, slices_from: str
) -> None:
    needed = history_needed(BATCH, WINDOWS, 30, [at(end) for end in ends])
    assert needed == (baseline_end and at(baseline_end), at(slices_from))


def test_short_windows_take_a_newer_baseline() -> None:
    assert history_needed(BATCH, ["15m"], 7, [at("2026-03-10")]) == (at("2026-03-10"), at("2026-03-10"))
    assert history_needed(BATCH, ["15m"], 7, []) == (None, at("2026-03-03"))
