"""New and rare peers of machines against an oracle in plain Python: a machine's past is its own, wherever it was."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jobs.fg_a_oracle import segment_of
from tests.jobs.fg_a_traffic import HOSTS, Traffic, delta_table, history_table, peer_table, traffics

from ndr.contract.datasets import FG_A
from ndr.contract.time import DAY, SLICE, WINDOWS, Interval, floor_to
from ndr.jobs.fg_a.host_parts import host_parts
from ndr.jobs.fg_a.kernel import build_fg_a
from ndr.jobs.fg_a.machine_rows import elsewhere, of_some_host
from ndr.jobs.fg_a.novel_rows import HOST, NO_HOST
from ndr.jobs.fg_a.pair_history import PeerHistory

Row = dict[str, Any]
NOVELTY = [name for name in FG_A.column_names if name.startswith(("new_", "rare_"))]


@dataclass
class AssignedTraffic:
    """Traffic, and for each address the machines that have it from so many slices before the batch's end on."""

    traffic: Traffic
    changes: dict[str, list[tuple[int, str | None]]]

    def host(self, row: Row) -> str:
        """The key of the host that a row is of."""
        address = row["host_ip"]
        ago = (self.traffic.batch.end - row["slice_start"]) // SLICE
        machine = next((machine for since, machine in self.changes[address] if since >= ago), None)
        return machine if machine == NO_HOST else f"@{6 if ':' in address else 4}{machine}" if machine else address

    def with_hosts(self, table: pa.Table) -> pa.Table:
        rows = table.select(["host_ip", "slice_start"]).to_pylist()
        return table.append_column(HOST, pa.array([self.host(row) for row in rows], pa.string()))

    def history(self) -> pa.Table:
        return of_some_host(self.with_hosts(history_table(self.traffic.history)))


@st.composite
def assigned(draw: st.DrawFn) -> AssignedTraffic:
    traffic = draw(traffics())
    ago = st.one_of(st.integers(0, 14), st.integers(0, 96 * 5))
    changes = st.lists(st.tuples(ago, st.sampled_from(["a", "b", "a", "b", None, NO_HOST])), max_size=4)
    # The last one of those that began before a row has the address: the changes are sorted by how long ago they were.
    return AssignedTraffic(traffic, {address: sorted(draw(changes), key=lambda each: each[0]) for address in HOSTS})


def oracle(given: AssignedTraffic) -> list[Row]:
    """The novelty of each window, from all rows of the host that each row of the window is of."""
    traffic, spec = given.traffic, given.traffic.spec
    rows = [row | {HOST: given.host(row)} for row in (*traffic.peer_deltas, *traffic.history)]
    kinds = {
        "peer": lambda row: row["peer_ip"],
        "port": lambda row: row["peer_port"],
        "pair": lambda row: (row["peer_ip"], row["peer_port"]),
        "peer_segment": lambda row: segment_of(row["peer_ip"], traffic.networks),
    }
    found = []
    for end in (piece.end for piece in traffic.batch.steps(SLICE)):
        for label in spec.windows:
            start = end - WINDOWS[label]
            window = [row for row in traffic.peer_deltas if start <= row["slice_start"] < end]
            for address, role in {(row["host_ip"], row["role"]) for row in window}:
                own = [row for row in rows if (row["host_ip"], row["role"]) == (address, role)]
                current = [row for row in own if start <= row["slice_start"] < end and row[HOST] != NO_HOST]
                opening = floor_to(start, DAY) - spec.novelty.lookback_days * DAY
                past = [row for row in rows if row["role"] == role and opening <= row["slice_start"] < start]
                key = {"host_ip": address, "role": role, "window_label": label, "window_end": end}
                found.append(key | counted(current, past, kinds, spec.novelty.rare_max_active_days))
    return sorted(found, key=lambda row: [row[name] for name in FG_A.key])


def counted(current: list[Row], past: list[Row], kinds: dict[str, Any], rare_days: int) -> Row:
    counts: Row = {}
    for name, value_of in kinds.items():
        days = defaultdict(set)
        for row in past:
            days[row[HOST], value_of(row)].add(row["slice_start"].date())
        seen = {(row[HOST], value_of(row)) for row in current}
        counts[f"new_{name}_cnt"] = sum(not days[value] for value in seen)
        if name != "peer_segment":
            counts[f"rare_{name}_cnt"] = sum(1 <= len(days[value]) <= rare_days for value in seen)
    return counts


def build(given: AssignedTraffic, **options: Any) -> pa.Table:
    traffic = given.traffic
    peers = given.with_hosts(peer_table(traffic.peer_deltas))
    options = {"peer_history": given.history(), "elsewhere": elsewhere(peers)} | options
    parts = host_parts(delta_table(traffic.deltas), peers, most_rows=3)
    built = [
        build_fg_a(traffic.batch, traffic.spec, traffic.networks, *part, published=traffic.published, **options)
        for part in parts
    ]
    return pa.concat_tables(built)


@settings(max_examples=150, deadline=None)
@given(assigned())
def test_equals_the_oracle(given: AssignedTraffic) -> None:
    found = build(given)
    wanted = oracle(given)
    assert found.select([*FG_A.key, *NOVELTY]).to_pylist() == [
        {name: row[name] for name in (*FG_A.key, *NOVELTY)} for row in wanted
    ]


@settings(max_examples=25, deadline=None)
@given(assigned())
def test_nothing_else_depends_on_who_a_host_is(given: AssignedTraffic) -> None:
    traffic = given.traffic
    by_address = build_fg_a(
        traffic.batch, traffic.spec, traffic.networks, delta_table(traffic.deltas), peer_table(traffic.peer_deltas),
        published=traffic.published,
    )  # fmt: skip
    assert build(given).drop_columns(NOVELTY).equals(by_address.drop_columns(NOVELTY))


@settings(max_examples=25, deadline=None)
@given(assigned())
def test_a_long_batch_equals_its_slices_one_by_one(given: AssignedTraffic) -> None:
    traffic = given.traffic
    whole = build(given)
    for piece in traffic.batch.steps(SLICE):
        peers = given.with_hosts(peer_table(traffic.peer_deltas))
        single = build_fg_a(
            piece, traffic.spec, traffic.networks, delta_table(traffic.deltas), peers, given.history(),
            published=traffic.published, elsewhere=elsewhere(peers),
        )  # fmt: skip
        ends = pc.equal(whole["window_end"], pa.scalar(piece.end, whole["window_end"].type))
        assert single.equals(whole.filter(ends))


@settings(max_examples=25, deadline=None)
@given(assigned())
def test_peers_carried_from_day_to_day_equal_all_slices(given: AssignedTraffic) -> None:
    midnight = floor_to(given.traffic.earliest, DAY)
    opening = midnight - 6 * DAY
    given.traffic.history = [row for row in given.traffic.history if row["slice_start"] >= opening]
    carried = PeerHistory.empty(opening)
    while carried.end < midnight:
        day = Interval(carried.end, carried.end + DAY)
        rows = [row for row in given.traffic.history if row["slice_start"] in day]
        carried = carried.after(of_some_host(given.with_hosts(history_table(rows))))
    since = [row for row in given.traffic.history if row["slice_start"] >= midnight]
    rest = of_some_host(given.with_hosts(history_table(since)))
    assert build(given, peer_history=rest, pair_baseline=carried.table).equals(build(given))
