"""Pairs of machines against the oracle of pairs: a pair has the flows of its machine, wherever it was."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jobs.test_fg_b_pairs import END, OUTSIDE, PAIRS, RULES, SOURCES, WINDOW, oracle, table, with_gap

from ndr.contract.datasets import INBOUND, OUTBOUND, PAIR_COUNTS
from ndr.contract.time import SLICE_MICROSECONDS, Interval, microseconds
from ndr.jobs.fg_b.baseline import Baseline
from ndr.jobs.fg_b.pair_rows import PairRows, condense_for
from ndr.jobs.fg_b.pairs import destination_hosts, pair_baselines
from ndr.jobs.fg_b.peer_history import peer_history
from ndr.jobs.host_identity.assignments import OBSERVATIONS, AddressAssignments
from ndr.jobs.host_identity.host_keys import HostKeys
from ndr.jobs.host_identity.pair_hosts import PairEnd, apart, keyed_pairs, one_row_a_slice

Row = dict[str, Any]
INSIDE = [source for source in SOURCES if source != OUTSIDE]
MONTH = with_gap(Baseline("30d", Interval(END - (END - WINDOW.interval.start) * 4, END)))

LEASES = st.lists(
    st.builds(
        lambda address, machine, at, long: {
            "address": address,
            "machine": machine,
            "observed_at": microseconds(WINDOW.interval.start) + at,
            "until": microseconds(WINDOW.interval.start) + at + long,
            "is_lease": True,
        },
        st.sampled_from(SOURCES),
        st.sampled_from("ab"),
        st.integers(-5, 7 * 96).map(lambda at: at * SLICE_MICROSECONDS + at % 3 * 1000),
        st.integers(1, 5 * 96).map(lambda slices: slices * SLICE_MICROSECONDS - slices % 2 * 1000),
    ),
    max_size=10,
)


def keys_of(leases: list[Row]) -> HostKeys:
    return HostKeys(AddressAssignments.of(pa.Table.from_pylist(leases, OBSERVATIONS)))


def host_of(keys: HostKeys, address: str, row: Row) -> str | None:
    """The machine that alone had an address in a part of the slice of a row, the address, or None of several."""
    found = keys.assignments
    start = microseconds(row["slice_start"])
    held = {
        found.machines[machine]
        for at, machine, first, last in zip(
            *map(list, (found.address, found.machine, found.starts, found.ends)), strict=True
        )
        if found.addresses[at] == address and first < start + SLICE_MICROSECONDS and last > start
    }
    if not held or address == OUTSIDE:
        return address
    return f"@{6 if ':' in address else 4}{held.pop()}" if len(held) == 1 else None


def of_hosts(keys: HostKeys, rows: list[Row], at: PairEnd) -> list[Row]:
    """The rows by host, added up in each slice."""
    added: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        host = host_of(keys, row[at], row)
        if host is None:
            continue
        keyed = row | {at: host}
        known = added.setdefault(tuple(keyed[name] for name in PAIR_COUNTS.key), {})
        for name, value in keyed.items():
            known[name] = known.get(name, 0) + value if name.endswith(("_cnt", "_sum")) else value
    return list(added.values())


def sources(keys: HostKeys, rows: list[Row], *windows: Baseline) -> PairRows:
    """Condense the rows in two parts, as the job does with files."""
    condense, condensed, shared = condense_for(windows), [], []
    for part in (table(rows[::2]), table(rows[1::2])):
        alone, several = apart(keys, keyed_pairs(keys, part, "src_ip", RULES.networks))
        condensed.append(condense(alone))
        shared.append(several)
    return PairRows.of([*condensed, condense(one_row_a_slice(shared))], windows)


@settings(max_examples=60, deadline=None)
@given(PAIRS, LEASES, st.sampled_from([with_gap(WINDOW), MONTH]))
def test_pairs_of_machines_equal_the_oracle(rows: list[Row], leases: list[Row], window: Baseline) -> None:
    keys = keys_of(leases)
    by_host = sources(keys, rows, window)
    sums = by_host.sums(window.interval)
    prevalence = destination_hosts([sums], RULES.networks)
    found = pair_baselines(sums, by_host.regularity(window), sums.slice(0, 0).rename_columns(
        ["segment_id", *sums.column_names[1:]]), prevalence, window, RULES)  # fmt: skip
    assert found.host.to_pylist() == oracle(of_hosts(keys, rows, "src_ip"), window, by_segment=False)


@settings(max_examples=40, deadline=None)
@given(PAIRS, LEASES)
def test_the_peers_of_a_host_are_those_of_both_roles(rows: list[Row], leases: list[Row]) -> None:
    # The destinations become hosts by turning some pairs round.
    rows = [row if n % 2 else row | {"src_ip": row["dst_ip"], "dst_ip": row["src_ip"]} for n, row in enumerate(rows)]
    keys = keys_of(leases)
    destinations = PairRows.of(
        [condense_for([MONTH])(keyed_pairs(keys, table(rows), "dst_ip", RULES.networks))], [MONTH]
    )
    found = peer_history(sources(keys, rows, MONTH), destinations, MONTH, RULES.networks)
    days: dict[tuple[str, str, str, int], set[int]] = defaultdict(set)
    last = (END - WINDOW.interval.start.resolution).date()
    for row in rows:
        for role, at, peer in ((OUTBOUND, "src_ip", "dst_ip"), (INBOUND, "dst_ip", "src_ip")):
            host = host_of(keys, row[at], row)
            is_inside = row[at] in INSIDE
            if host is not None and is_inside and row["slice_start"] in MONTH.interval:
                days[host, role, row[peer], row["dst_port"]].add((last - row["slice_start"].date()).days)
    wanted = {key: sum(1 << day for day in of) for key, of in days.items()}
    names = ("host", "role", "peer_ip", "peer_port")
    assert {tuple(row[name] for name in names): row["active_days_mask"] for row in found.to_pylist()} == wanted
    assert found.num_rows == len(wanted)
