"""Records of one direction become connections: who opened them, their bytes, and what could not be paired."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.jobs.deltas.pairing import Paired, paired, parts_by_ends
from ndr.jobs.deltas.sessions import RECORD_COLUMNS

START = datetime(2026, 1, 31, 6, tzinfo=UTC)
CLIENT, SERVER = ("10.0.0.1", 50000), ("192.0.2.9", 443)
SYN, SYN_ACK, FIN, RST = 2, 18, 1, 4


def record(
    source: tuple[str, int] = CLIENT,
    destination: tuple[str, int] = SERVER,
    size: int = 100,
    at: float = 0,
    seconds: float = 10,
    flags: int | None = None,
    observer: str = "eni-1",
    action: str = "allow",
    transport: str = "tcp",
) -> dict[str, Any]:
    return {
        "source_ip": source[0], "source_port": source[1], "destination_ip": destination[0],
        "destination_port": destination[1], "source_bytes": size, "destination_bytes": 0,
        "event_start": START + timedelta(seconds=at), "event_end": START + timedelta(seconds=at + seconds),
        "event_action": action, "event_name": "TRAFFIC", "event_reason": None, "network_transport": transport,
        "observer": observer, "tcp_flags": flags,
    }  # fmt: skip


def reply(**changes: Any) -> dict[str, Any]:
    return record(SERVER, CLIENT, **{"size": 900, **changes})


def pair(*records: dict[str, Any]) -> Paired:
    return paired(pa.Table.from_pylist(list(records), schema=RECORD_COLUMNS))


def told(*records: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return source, destination port, bytes both ways, action and reason of each connection, in order of time."""
    rows = sorted(pair(*records).flows.to_pylist(), key=lambda row: (row["event_start"], row["source_ip"]))
    names = ("source_ip", "destination_port", "source_bytes", "destination_bytes", "event_action", "event_reason")
    return [tuple(row[name] for name in names) for row in rows]


def test_two_records_are_one_connection() -> None:
    (flow,) = pair(record(flags=SYN | FIN), reply(at=1, seconds=12, flags=SYN_ACK | FIN)).flows.to_pylist()
    assert flow == {
        "source_ip": "10.0.0.1", "source_port": 50000, "destination_ip": "192.0.2.9", "destination_port": 443,
        "source_bytes": 100, "destination_bytes": 900, "event_start": START,
        "event_end": START + timedelta(seconds=13), "event_action": "allow", "event_name": "TRAFFIC",
        "event_reason": "tcp-fin", "network_transport": "tcp",
    }  # fmt: skip


@pytest.mark.parametrize("flags", [(SYN, SYN_ACK), (None, SYN_ACK), (SYN, None), (None, None), (0, 0)])
@pytest.mark.parametrize("late", ["client", "server"])
def test_who_opened_it_is_told_by_the_flags_then_the_ports(flags: tuple[int | None, int | None], late: str) -> None:
    at = {"client": 0, "server": 0} | {late if flags[0] is None else "server": 5}  # nothing precedes a SYN
    pieces = [record(flags=flags[0], at=at["client"]), reply(flags=flags[1], at=at["server"])]
    assert [row[:4] for row in told(*pieces)] == [("10.0.0.1", 443, 100, 900)]
    high = [record(destination=("192.0.2.9", 9443), flags=flags[0], at=0),
            record(("192.0.2.9", 9443), CLIENT, size=900, flags=flags[1], at=5)]  # fmt: skip
    assert [row[:4] for row in told(*high)] == [("10.0.0.1", 9443, 100, 900)]


@pytest.mark.parametrize(
    ("client", "server", "transport", "reason"),
    [
        (SYN | FIN, SYN_ACK | FIN, "tcp", "tcp-fin"),
        (SYN | RST, SYN_ACK, "tcp", "tcp-rst-from-client"),
        (SYN, RST, "tcp", "tcp-rst-from-server"),
        (SYN, SYN_ACK, "tcp", "aged-out"),
        (None, None, "tcp", "unknown"),
        (None, None, "udp", "aged-out"),
    ],
)
def test_how_it_ended(client: int | None, server: int | None, transport: str, reason: str) -> None:
    pieces = (record(flags=client, transport=transport), reply(flags=server, transport=transport))
    assert [row[5] for row in told(*pieces)] == [reason]


def test_a_long_connection_is_put_together_and_a_pause_or_a_syn_begins_another() -> None:
    pieces = [record(at=60 * n, seconds=59) for n in range(5)] + [reply(at=60 * n, seconds=59) for n in range(5)]
    assert [row[2:4] for row in told(*pieces)] == [(500, 4500)]
    assert [row[2:4] for row in told(*pieces, record(at=400), reply(at=400))] == [(500, 4500), (100, 900)]
    again = [record(flags=SYN | FIN), reply(flags=SYN_ACK | FIN), record(at=12, flags=SYN), reply(at=12, flags=SYN_ACK)]
    assert [row[2:4] for row in told(*again)] == [(100, 900), (100, 900)]


def test_what_two_interfaces_saw_counts_once_and_a_refusal_wins() -> None:
    seen = [record(), reply(), record(observer="eni-2"), reply(observer="eni-2")]
    pairs = pair(*seen)
    assert (pairs.flows.num_rows, pairs.repeated, pairs.allowed, pairs.unpaired) == (1, 2, 2, 0)
    refused = pair(record(size=200), record(observer="eni-2", action="deny"))
    (flow,) = refused.flows.to_pylist()
    assert (flow["event_action"], flow["event_reason"], flow["source_bytes"]) == ("deny", "policy-deny", 100)
    assert (refused.repeated, refused.allowed, refused.unpaired) == (1, 0, 0)


def test_what_nothing_answers_is_counted() -> None:
    pairs = pair(record(), reply(), record(("10.0.0.2", 1), SERVER), record(("10.0.0.3", 1), SERVER, action="deny"))
    assert (pairs.flows.num_rows, pairs.allowed, pairs.unpaired) == (3, 3, 1)
    assert told(reply(flags=SYN_ACK)) == [("10.0.0.1", 443, 0, 900, "allow", "aged-out")]


ends = st.tuples(st.sampled_from(["10.0.0.1", "10.0.0.2", "2001:db8::1"]), st.sampled_from([0, 53, 443, 50000, 60000]))
records_strategy = st.lists(
    st.builds(
        record,
        ends,
        ends,
        st.integers(0, 10**9),
        st.integers(0, 400),
        st.integers(0, 100),
        st.none() | st.integers(0, 31),
        st.sampled_from(["eni-1", "eni-2"]),
        st.sampled_from(["allow", "allow", "deny"]),
        st.sampled_from(["tcp", "udp", "icmp"]),
    ),
    max_size=20,
)


@given(records_strategy, st.integers(0, 2**31))
def test_no_byte_is_lost_in_any_order_and_any_division_by_ends(records: list[dict[str, Any]], seed: int) -> None:
    table = pa.Table.from_pylist(records, schema=RECORD_COLUMNS)
    whole = paired(table)
    assert 0 <= whole.unpaired <= whole.allowed <= len(records) - whole.repeated
    if len({each["observer"] for each in records}) < 2:
        total = sum(each["source_bytes"] for each in records)
        assert sum(row["source_bytes"] + row["destination_bytes"] for row in whole.flows.to_pylist()) == total
    shuffled = records[:]
    random.Random(seed).shuffle(shuffled)
    assert _rows(pair(*shuffled)) == _rows(whole)
    parts = parts_by_ends(table, 3)
    divided = [paired(table.filter(pa.array(parts == part))) for part in range(3)]
    assert sorted(row for each in divided for row in _rows(each)) == _rows(whole)


def _rows(pairs: Paired) -> list[tuple[str, ...]]:
    return sorted(tuple(map(str, row.values())) for row in pairs.flows.to_pylist())
