"""Deltas, peer deltas and pair counts against loops over dictionaries."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.contract.datasets import DELTAS, INTEGRATION, PAIR_COUNTS, PEER_DELTAS
from ndr.contract.jobspecs.port_classes import PortClasses
from ndr.jobs.deltas.grouping import packed
from ndr.jobs.deltas.in_parts import deltas_in_parts
from ndr.jobs.deltas.kernel import Deltas, build_deltas
from ndr.jobs.pair_counts.kernel import build_pair_counts
from ndr.store.publish import check_table, in_key_order
from ndr.store.schema import arrow_schema, coded_schema, plain_schema

MIDNIGHT = datetime(2026, 1, 31, tzinfo=UTC)
SHORT = 1.5
PORTS = PortClasses(db=("tcp/1433", "53"))
PEER_COUNTS = ("sessions_cnt", "allow_cnt", "deny_cnt", "bytes_sent_sum", "bytes_recv_sum")
ENDS = ("source_ip", "destination_ip")
Flow = dict[str, Any]


def flow(**changes: Any) -> Flow:
    plain = {
        "source_ip": "10.0.0.1",
        "source_port": 50000,
        "destination_ip": "10.0.0.2",
        "destination_port": 443,
        "source_bytes": 100,
        "destination_bytes": 200,
        "event_start": MIDNIGHT,
        "event_end": MIDNIGHT + timedelta(seconds=10),
        "event_action": "allow",
        "event_name": "TRAFFIC",
        "event_reason": "tcp-fin",
        "network_transport": "tcp",
    }
    assert plain.keys() >= changes.keys()
    return plain | changes


def table_of(flows: list[Flow]) -> pa.Table:
    return pa.Table.from_pylist(flows, arrow_schema(INTEGRATION))


def coded(table: pa.Table) -> pa.Table:
    columns = [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in table.columns]
    return pa.table(columns, table.column_names)


def plain(table: pa.Table) -> pa.Table:
    return table.cast(plain_schema(table.schema))


def deltas_of(flows: list[Flow]) -> Deltas:
    return build_deltas(table_of(flows), PORTS, SHORT)


def _is_of_class(row: Flow, items: tuple[str, ...]) -> bool:
    """Tell whether a flow is to a port of a class; one without a transport is to a port of any."""
    port, transport = row["destination_port"], row["network_transport"]
    return any(
        item in (str(port), f"{transport}/{port}") or (not transport and item.endswith(f"/{port}")) for item in items
    )


def oracle(flows: list[Flow]) -> tuple[list[Flow], list[Flow]]:
    """Count flow by flow."""
    hosts: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    minutes: dict[tuple[Any, ...], Counter[int]] = defaultdict(Counter)
    sizes: dict[tuple[Any, ...], list[tuple[int, int]]] = defaultdict(list)
    peers: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    classes: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for row in flows:
        at = row["event_start"]
        slice_start = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
        sides = ("source", "destination")
        for role, (own, other) in (("outbound", sides), ("inbound", sides[::-1])):
            key = (row[f"{own}_ip"], role, slice_start)
            reason, transport = row["event_reason"] or "", row["network_transport"] or ""
            microseconds = (row["event_end"] - at) // timedelta(microseconds=1)
            hosts_counts = {
                "sessions_cnt": 1,
                "allow_cnt": row["event_action"] == "allow",
                "deny_cnt": row["event_action"] in ("deny", "drop"),
                "alert_cnt": row["event_action"] == "alert",
                "rst_cnt": "rst" in reason.replace("first", ""),
                "aged_out_cnt": reason == "aged-out",
                "zero_reply_cnt": not row["destination_bytes"],
                "short_session_cnt": microseconds <= SHORT * 1e6,
                "threat_cnt": row["event_name"] == "THREAT",
                "traffic_cnt": row["event_name"] == "TRAFFIC",
                "tcp_cnt": transport == "tcp",
                "udp_cnt": transport == "udp",
                "icmp_cnt": transport in ("icmp", "ipv6-icmp"),
                "syn_only_cnt": transport == "tcp" and not row["destination_bytes"],
                "bytes_sent_sum": row[f"{own}_bytes"],
                "bytes_recv_sum": row[f"{other}_bytes"],
                "microseconds": microseconds,
                **{f"{name}_port_sessions_cnt": _is_of_class(row, items) for name, items in PORTS.model_dump().items()},
            }
            hosts[key].update(hosts_counts)
            minutes[key][at.minute] += 1
            peer = (row[f"{own}_ip"], role, row[f"{other}_ip"], row["destination_port"], slice_start)
            peers[peer].update({name: hosts_counts[name] for name in PEER_COUNTS})
            sizes[key].append((row[f"{own}_bytes"], row[f"{other}_bytes"]))
            classes[peer] |= {name for name, items in PORTS.model_dump().items() if _is_of_class(row, items)}
    deltas = [
        dict(zip(DELTAS.key, key, strict=True))
        | {
            name: int(counted[name])
            for name in DELTAS.column_names
            if name.endswith(("_cnt", "bytes_sent_sum", "_recv_sum"))
        }
        | {"duration_sum": counted["microseconds"] / 1e6, "max_sessions_per_minute": max(minutes[key].values())}
        | {"max_flow_bytes_sent": max(sent for sent, _ in sizes[key])}
        | {"max_flow_bytes_recv": max(received for _, received in sizes[key])}
        for key, counted in sorted(hosts.items())
    ]
    return deltas, [
        dict(zip(PEER_DELTAS.key, key, strict=True))
        | {name: int(counted[name]) for name in PEER_COUNTS}
        | {"is_admin_port": "admin" in classes[key], "is_high_risk_port": "high_risk" in classes[key]}
        for key, counted in sorted(peers.items())
    ]


addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "9.255.0.1", "2001:db8::1", "fe80::a", "192.0.2.77"])
flows_strategy = st.lists(
    st.builds(
        lambda start, duration, **columns: flow(event_start=start, event_end=start + duration, **columns),
        start=st.datetimes(datetime(2026, 1, 31), datetime(2026, 1, 31, 2), timezones=st.just(UTC)),
        duration=st.timedeltas(timedelta(), timedelta(days=2))
        | st.sampled_from([timedelta(seconds=SHORT), timedelta()]),
        source_ip=addresses,
        destination_ip=addresses,
        destination_port=st.sampled_from([0, 22, 23, 53, 88, 443, 445, 1433, 65535]),
        source_bytes=st.integers(0, 2**53),
        destination_bytes=st.just(0) | st.integers(0, 2**53),
        event_action=st.sampled_from(["allow", "deny", "drop", "alert"]),
        event_name=st.sampled_from(["TRAFFIC", "THREAT", None]),
        event_reason=st.sampled_from(["tcp-fin", "tcp-rst-from-server", "rst", "aged-out", "first-packet", None]),
        network_transport=st.sampled_from(["tcp", "udp", "icmp", "ipv6-icmp", "gre", None]),
    ),
    max_size=40,
)


def test_a_port_is_of_a_class_by_its_transport() -> None:
    flows = [flow(destination_port=23, network_transport=word) for word in ("tcp", "udp", "icmp", None)]
    counted = [
        build_deltas(table_of([each]), PortClasses(), SHORT).deltas["high_risk_port_sessions_cnt"].to_pylist()
        for each in flows
    ]
    assert counted == [[1, 1], [0, 0], [0, 0], [1, 1]]  # untold, it may be TCP


@settings(deadline=None, max_examples=60)
@given(flows_strategy)
def test_equals_counting_flow_by_flow(flows: list[Flow]) -> None:
    deltas, peer_deltas = deltas_of(flows)
    expected_deltas, expected_peers = oracle(flows)
    assert deltas.schema == coded_schema(DELTAS)
    assert peer_deltas.schema == coded_schema(PEER_DELTAS)
    assert deltas.to_pylist() == expected_deltas
    assert peer_deltas.to_pylist() == expected_peers


@settings(deadline=None, max_examples=25)
@given(flows_strategy, st.randoms())
def test_neither_order_nor_coding_of_the_flows_matters(flows: list[Flow], random: Any) -> None:
    shuffled = random.sample(flows, len(flows))
    codes = coded(table_of(shuffled))
    once = deltas_of(flows)
    again = build_deltas(pa.concat_tables([codes.slice(0, 7), codes.slice(7)]), PORTS, SHORT)
    assert again.deltas.equals(once.deltas)
    assert again.peer_deltas.equals(once.peer_deltas)


@settings(deadline=None, max_examples=25)
@given(flows_strategy)
def test_a_long_batch_is_its_slices_together(flows: list[Flow]) -> None:
    slices: dict[Any, list[Flow]] = defaultdict(list)
    for row in flows:
        slices[int(row["event_start"].timestamp()) // 900].append(row)
    parts = [deltas_of(rows) for rows in slices.values()]
    for whole, pieces, dataset in (
        (deltas_of(flows).deltas, [part.deltas for part in parts], DELTAS),
        (deltas_of(flows).peer_deltas, [part.peer_deltas for part in parts], PEER_DELTAS),
    ):
        together = pa.concat_tables([arrow_schema(dataset).empty_table(), *map(plain, pieces)])
        assert plain(whole).equals(together.sort_by([(name, "ascending") for name in dataset.key]))


@settings(deadline=None, max_examples=25)
@given(flows_strategy)
def test_hosts_may_be_counted_apart(flows: list[Flow]) -> None:
    whole = deltas_of(flows).deltas
    for role, column in (("outbound", "source_ip"), ("inbound", "destination_ip")):
        hosts = {row[column] for row in flows}
        parts = [
            build_deltas(table_of([row for row in flows if row[column] == host]), PORTS, SHORT, (role,)).deltas
            for host in sorted(hosts)
        ]
        expected = [row for row in whole.to_pylist() if row["role"] == role]
        assert [row for part in parts for row in part.to_pylist()] == expected


@settings(deadline=None, max_examples=40)
@given(flows_strategy, st.integers(1, 12))
def test_parts_of_hosts_are_together_the_whole(flows: list[Flow], most_flows: int) -> None:
    parts = list(deltas_in_parts(coded(table_of(flows)), PORTS, SHORT, most_flows))
    whole = deltas_of(flows)
    for dataset, number in ((DELTAS, 0), (PEER_DELTAS, 1)):
        for part in parts:
            check_table(part[number], dataset)
        together = in_key_order(pa.concat_tables([plain(part[number]) for part in parts]), dataset)
        assert together.equals(plain(whole[number]))
    if len(flows) > most_flows:
        busiest = max(count for end in ENDS for count in Counter(row[end] for row in flows).values())
        assert all(sum(part.deltas["sessions_cnt"].to_pylist()) <= max(most_flows, busiest) for part in parts)


@settings(deadline=None, max_examples=25)
@given(flows_strategy, st.randoms())
def test_pair_counts_count_each_flow_once(flows: list[Flow], random: Any) -> None:
    peer_deltas = deltas_of(flows).peer_deltas
    expected = [
        {
            "src_ip": row["host_ip"],
            "dst_ip": row["peer_ip"],
            "dst_port": row["peer_port"],
            "slice_start": row["slice_start"],
            "sessions_cnt": row["sessions_cnt"],
            "allow_cnt": row["allow_cnt"],
            "deny_cnt": row["deny_cnt"],
            "src_bytes_sum": row["bytes_sent_sum"],
            "dst_bytes_sum": row["bytes_recv_sum"],
        }
        for row in oracle(flows)[1]
        if row["role"] == "outbound"
    ]
    shuffled = peer_deltas.take(pa.array(random.sample(range(peer_deltas.num_rows), peer_deltas.num_rows), pa.int64()))
    for given_order in (
        peer_deltas,
        plain(peer_deltas),
        shuffled,
        pa.concat_tables([shuffled.slice(3), shuffled.slice(0, 3)]),
    ):
        pairs = build_pair_counts(given_order)
        assert pairs.schema == coded_schema(PAIR_COUNTS)
        assert pairs.to_pylist() == expected


def test_no_flows_no_rows() -> None:
    empty = deltas_of([])
    assert empty.deltas.num_rows == empty.peer_deltas.num_rows == 0
    assert empty.deltas.schema == coded_schema(DELTAS)
    assert build_pair_counts(empty.peer_deltas).schema == coded_schema(PAIR_COUNTS)


def test_a_flow_to_oneself_counts_in_both_roles() -> None:
    deltas, _ = deltas_of([flow(destination_ip="10.0.0.1")])
    assert [(row["role"], row["bytes_sent_sum"]) for row in deltas.to_pylist()] == [("inbound", 200), ("outbound", 100)]


def test_the_busiest_minute_is_within_the_slice() -> None:
    times = [MIDNIGHT + timedelta(minutes=14, seconds=s) for s in (1, 59)] + [
        MIDNIGHT + timedelta(minutes=15, seconds=1)
    ]
    deltas, _ = deltas_of([flow(event_start=at, event_end=at) for at in times])
    outbound = [row for row in deltas.to_pylist() if row["role"] == "outbound"]
    assert [row["max_sessions_per_minute"] for row in outbound] == [2, 1]


@pytest.mark.parametrize("size", [10, 2**31, 2**40])
def test_packed_keys_order_as_their_columns(size: int) -> None:
    draw = np.random.default_rng(5)
    columns = [draw.integers(0, size, 200) for _ in range(3)]
    order = np.argsort(packed(columns, [size] * 3), kind="stable")
    assert order.tolist() == sorted(range(200), key=lambda row: tuple(column[row] for column in columns))
