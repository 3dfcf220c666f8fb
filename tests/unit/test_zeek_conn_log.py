"""Zeek conn logs become flows; what can't be read is kept with its place and its reason."""

import gzip
import ipaddress
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.sources.zeek import read_conn_log
from ndr.sources.zeek.conn_state import TCP_OUTCOMES
from ndr.sources.zeek.integration import INTEGRATION_SCHEMA

FIELDS = [
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "duration", "orig_bytes",
    "resp_bytes", "conn_state", "orig_ip_bytes", "resp_ip_bytes",
]  # fmt: skip
ROW = {
    "ts": "1713484795.943239", "uid": "CYl7H53iN6mY9NyXJ8", "id.orig_h": "192.0.2.7", "id.orig_p": "25320",
    "id.resp_h": "198.51.100.9", "id.resp_p": "443", "proto": "tcp", "service": "-", "duration": "1.500000",
    "orig_bytes": "10", "resp_bytes": "20", "conn_state": "SF", "orig_ip_bytes": "110", "resp_ip_bytes": "220",
}  # fmt: skip
START = datetime(2024, 4, 18, 23, 59, 55, 943239, tzinfo=UTC)


def head(fields: list[str] = FIELDS, separator: str = "\t", unset: str = "-") -> list[str]:
    escaped = "".join(f"\\x{byte:02x}" for byte in separator.encode())
    return [
        f"#separator {escaped}",
        separator.join(["#set_separator", ","]),
        separator.join(["#empty_field", "(empty)"]),
        separator.join(["#unset_field", unset]),
        separator.join(["#path", "conn"]),
        separator.join(["#open", "2024-04-19-00-00-01"]),
        separator.join(["#fields", *fields]),
        separator.join(["#types", *["string"] * len(fields)]),
    ]


def row(fields: list[str] = FIELDS, separator: str = "\t", **values: str) -> str:
    return separator.join({**ROW, **values}.get(field, "worker-1") for field in fields)


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def read(path: Path, **options: int) -> tuple[list[dict], list[dict]]:
    parts = list(read_conn_log(path, **options))
    assert all(part.flows.schema == INTEGRATION_SCHEMA for part in parts)
    flows = [flow for part in parts for flow in part.flows.to_pylist()]
    return flows, [rejected for part in parts for rejected in part.rejected.to_pylist()]


def read_one(path: Path, **values: str) -> dict:
    flows, rejected = read(write(path / "conn.log", [*head(), row(**values)]))
    assert rejected == []
    (flow,) = flows
    return flow


def test_a_row_becomes_a_flow(tmp_path):
    assert read_one(tmp_path) == {
        "source_ip": "192.0.2.7", "source_port": 25320, "destination_ip": "198.51.100.9", "destination_port": 443,
        "source_bytes": 110, "destination_bytes": 220, "event_start": START,
        "event_end": START + timedelta(seconds=1.5), "event_action": "allow", "event_name": "TRAFFIC",
        "event_reason": "tcp-fin", "network_transport": "tcp",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "action", "reason"),
    [
        ("SF", "allow", "tcp-fin"), ("S1", "allow", "aged-out"), ("S2", "allow", "tcp-fin"),
        ("S3", "allow", "tcp-fin"), ("RSTO", "allow", "tcp-rst-from-client"),
        ("RSTR", "allow", "tcp-rst-from-server"), ("REJ", "deny", "tcp-rst-from-server"), ("S0", "drop", "aged-out"),
        ("RSTOS0", "drop", "tcp-rst-from-client"), ("SH", "drop", "tcp-fin"),
        ("RSTRH", "allow", "tcp-rst-from-server"), ("SHR", "allow", "tcp-fin"), ("OTH", "allow", "unknown"),
        ("-", "allow", "unknown"), ("S9", "allow", "unknown"),
    ],
)  # fmt: skip
def test_every_tcp_state_has_an_action_and_a_reason(tmp_path, state, action, reason):
    flow = read_one(tmp_path, conn_state=state)
    assert (flow["event_action"], flow["event_reason"]) == (action, reason)
    assert state in TCP_OUTCOMES or action == "allow"


@pytest.mark.parametrize(("proto", "state"), [("udp", "S0"), ("udp", "SF"), ("icmp", "OTH"), ("UDP", "S0")])
def test_a_transport_without_handshake_is_allowed_and_ages_out(tmp_path, proto, state):
    flow = read_one(tmp_path, proto=proto, conn_state=state)
    assert (flow["event_action"], flow["event_reason"]) == ("allow", "aged-out")
    assert flow["network_transport"] == proto.lower()


def test_unset_duration_ends_the_flow_at_its_start(tmp_path):
    flow = read_one(tmp_path, duration="-", orig_bytes="-", resp_bytes="-")
    assert flow["event_end"] == flow["event_start"] == START
    assert (flow["source_bytes"], flow["destination_bytes"]) == (110, 220)


def test_wire_bytes_win_over_a_payload_that_sequence_numbers_invented(tmp_path):
    assert read_one(tmp_path, resp_bytes="1964191874", resp_ip_bytes="3358")["destination_bytes"] == 3358


def test_payload_stands_in_where_the_log_has_no_wire_bytes_and_zero_where_it_has_neither(tmp_path):
    fields = FIELDS[:-2]
    lines = [*head(fields), row(fields), row(fields, orig_bytes="-", resp_bytes="-")]
    flows, rejected = read(write(tmp_path / "conn.log", lines))
    assert [(flow["source_bytes"], flow["destination_bytes"]) for flow in flows] == [(10, 20), (0, 0)]
    assert rejected == []


def test_ipv6_addresses_are_canonical(tmp_path):
    flow = read_one(tmp_path, **{"id.orig_h": "2001:DB8:0:0::1", "id.resp_h": "fe80::0001"})
    assert (flow["source_ip"], flow["destination_ip"]) == ("2001:db8::1", "fe80::1")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("ts", "yesterday", "ts 'yesterday' is not a number of seconds"),
        ("ts", "-", "ts is unset"),
        ("ts", "nan", "ts 'nan' is not a number of seconds"),
        ("id.orig_h", "192.0.2.256", "id.orig_h '192.0.2.256' is not an IP address"),
        ("id.orig_h", "fe80::1%eth0", "id.orig_h 'fe80::1%eth0' is not an IP address"),
        ("id.resp_h", "-", "id.resp_h is unset"),
        ("id.resp_p", "65536", "id.resp_p '65536' is not a port (0 to 65535)"),
        ("id.orig_p", "-1", "id.orig_p '-1' is not a port (0 to 65535)"),
        ("duration", "-0.5", "duration '-0.5' is not a number of seconds"),
        ("orig_ip_bytes", "12.7", "orig_ip_bytes '12.7' is not a count"),
        ("resp_bytes", "1e3", "resp_bytes '1e3' is not a count"),
    ],
)
def test_a_row_that_can_not_be_read_is_kept_with_its_reason(tmp_path, field, value, reason):
    bad = row(**{field: value})
    path = write(tmp_path / "conn.log", [*head(), row(), bad, row()])
    flows, rejected = read(path)
    assert len(flows) == 2
    assert rejected == [{"file": str(path), "line": 10, "reason": reason, "text": bad}]


def test_rows_of_another_width_are_kept_in_line_order(tmp_path):
    short, bad_port = row().rsplit("\t", 1)[0], row(**{"id.resp_p": "http"})
    lines = [*head(), row() + "\textra", row(), bad_port, short, "", "#close\t2024-04-19-01-00-00"]
    flows, rejected = read(write(tmp_path / "conn.log", lines))
    assert len(flows) == 1
    assert [(line["line"], line["reason"]) for line in rejected] == [
        (9, "15 fields where #fields names 14"),
        (11, "id.resp_p 'http' is not a port (0 to 65535)"),
        (12, "13 fields where #fields names 14"),
    ]
    assert rejected[2]["text"] == short


def test_bytes_that_are_not_utf8_reject_their_row_and_no_other(tmp_path):
    path = tmp_path / "conn.log"
    bad = row(**{"id.orig_h": "@"}).encode().replace(b"@", b"\xff\xfe")
    path.write_bytes("\n".join([*head(), row()]).encode() + b"\n" + bad + b"\n" + row().encode() + b"\n")
    flows, rejected = read(path)
    assert len(flows) == 2
    assert [(line["line"], line["reason"]) for line in rejected] == [(10, r"id.orig_h '\xff\xfe' is not an IP address")]


def test_header_blocks_may_follow_one_another_with_other_fields(tmp_path):
    turned = ["_node_name", *reversed(FIELDS)]
    lines = [*head(), row(), "#close\tx", *head(turned, "|", "NIL"), row(turned, "|", duration="NIL"), row()]
    flows, rejected = read(write(tmp_path / "conn.log", lines))
    assert [flow["event_end"] - flow["event_start"] for flow in flows] == [timedelta(seconds=1.5), timedelta(0)]
    assert {**flows[1], "event_end": None} == {**flows[0], "event_end": None}
    assert [line["line"] for line in rejected] == [20]  # tabs where the second block says |


@given(
    fields=st.permutations(FIELDS),
    extra=st.lists(st.sampled_from(["_node_name", "vlan", "community_id"]), unique=True),
    unset=st.sampled_from(["-", "(unset)", "NULL"]),
    absent=st.sets(st.sampled_from(["service", "duration", "orig_bytes", "resp_bytes", "orig_ip_bytes", "conn_state"])),
    crlf=st.booleans(),
    block_bytes=st.integers(min_value=1, max_value=400),
)
def test_order_extras_unset_words_and_blocks_change_nothing(
    tmp_path_factory, fields, extra, unset, absent, crlf, block_bytes
):
    columns = [*extra, *fields]
    values = dict.fromkeys(absent, unset)
    lines = [*head(columns, unset=unset), row(columns, **values), row(columns, **values)]
    path = tmp_path_factory.mktemp("zeek") / "conn.log"
    path.write_bytes(("\r\n" if crlf else "\n").join(lines).encode())
    flows, rejected = read(path, block_bytes=block_bytes)
    tcp = ("allow", "unknown") if "conn_state" in absent else ("allow", "tcp-fin")
    expected = {
        "source_bytes": (0 if "orig_bytes" in absent else 10) if "orig_ip_bytes" in absent else 110,
        "event_end": START + timedelta(seconds=0 if "duration" in absent else 1.5),
        "event_action": tcp[0],
        "event_reason": tcp[1],
        "source_ip": "192.0.2.7",
        "destination_port": 443,
    }
    assert rejected == []
    assert [{name: flow[name] for name in expected} for flow in flows] == [expected, expected]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=60), max_size=20))
def test_no_row_is_lost_whatever_it_holds(tmp_path_factory, rows):
    rows = [text for text in rows if not text.startswith("#")]
    path = tmp_path_factory.mktemp("zeek") / "conn.log"
    path.write_text("\n".join([*head(), row(), *rows, row()]), encoding="utf-8", newline="")
    flows, rejected = read(path, block_bytes=64)
    assert len(flows) == 2
    assert [line["text"] for line in rejected] == [text for text in rows if text]


@given(st.integers(min_value=0, max_value=4_102_444_800_000_000), st.integers(min_value=0, max_value=10**12))
def test_times_are_exact_to_the_microsecond(tmp_path_factory, start, duration):
    path = tmp_path_factory.mktemp("zeek") / "conn.log"
    text = [f"{micros // 10**6}.{micros % 10**6:06d}" for micros in (start, duration)]
    write(path, [*head(), row(ts=text[0], duration=text[1])])
    (part,) = read_conn_log(path)
    assert part.flows["event_start"].cast(pa.int64()).to_pylist() == [start]
    assert part.flows["event_end"].cast(pa.int64()).to_pylist() == [start + duration]


@given(st.ip_addresses())
def test_every_address_is_read(tmp_path_factory, address):
    path = tmp_path_factory.mktemp("zeek") / "conn.log"
    write(path, [*head(), row(**{"id.orig_h": address.exploded})])
    (part,) = read_conn_log(path)
    expected = getattr(address, "ipv4_mapped", None) or address
    assert ipaddress.ip_address(part.flows["source_ip"][0].as_py()) == expected


@pytest.mark.parametrize("ts", [1713484795.943239, "2024-04-18T23:59:55.943239Z", 1713484795943])
def test_json_lines_are_read_in_each_of_zeeks_time_forms(tmp_path, ts):
    record = {
        **ROW, "ts": ts, "id.resp_p": 443, "id.orig_p": 25320, "duration": 1.5, "orig_ip_bytes": 110, "uid": 'C"\\x',
        "resp_ip_bytes": 220, "tunnel_parents": [],
    }  # fmt: skip
    bare = {key: value for key, value in record.items() if key not in ("duration", "orig_bytes", "resp_bytes")}
    lines = [json.dumps(record), "{broken", "[1]", "", json.dumps({**bare, "id.orig_h": "nowhere"}), json.dumps(bare)]
    flows, rejected = read(write(tmp_path / "conn.log", lines), block_bytes=8)
    start = START.replace(microsecond=943000) if isinstance(ts, int) else START
    assert [flow["event_start"] for flow in flows] == [start, start]
    assert [flow["event_end"] for flow in flows] == [start + timedelta(seconds=1.5), start]
    assert [(flow["source_port"], flow["destination_bytes"]) for flow in flows] == [(25320, 220)] * 2
    assert [(line["line"], line["reason"]) for line in rejected] == [
        (2, "not a JSON object"), (3, "not a JSON object"), (5, "id.orig_h 'nowhere' is not an IP address"),
    ]  # fmt: skip


def test_gzip_is_told_by_content_and_members_may_follow_one_another(tmp_path):
    path = tmp_path / "conn.log"
    text = ("\n".join([*head(), row()]) + "\n").encode()
    path.write_bytes(gzip.compress(text) + gzip.compress(text))
    assert len(read(path)[0]) == 2


def test_a_log_without_rows_is_empty_and_no_error(tmp_path):
    assert list(read_conn_log(write(tmp_path / "conn.log", [*head(), "#close\tx"]))) == []


def test_a_truncated_gzip_names_itself(tmp_path):
    path = tmp_path / "conn.log.gz"
    whole = gzip.compress("\n".join([*head(), *[row(uid=str(number)) for number in range(500)]]).encode())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidRequestError, match=r"conn\.log\.gz is truncated"):
        list(read_conn_log(path))


def test_a_damaged_gzip_names_itself(tmp_path):
    path = tmp_path / "conn.log.gz"
    whole = bytearray(gzip.compress("\n".join([*head(), row()]).encode()))
    whole[-6] ^= 0xFF  # the checksum
    path.write_bytes(whole)
    with pytest.raises(InvalidRequestError, match=r"conn\.log\.gz is damaged"):
        list(read_conn_log(path))


def test_a_missing_file_names_itself(tmp_path):
    with pytest.raises(InvalidRequestError, match=r"gone\.log does not exist"):
        list(read_conn_log(tmp_path / "gone.log"))


def test_another_log_names_the_fields_it_lacks(tmp_path):
    fields = [field for field in FIELDS if field not in ("duration", "conn_state")]
    with pytest.raises(SchemaMismatchError, match=r"lack duration, conn_state"):
        list(read_conn_log(write(tmp_path / "dns.log", [*head(fields), row(fields)])))


def test_rows_without_a_header_are_no_log(tmp_path):
    with pytest.raises(SchemaMismatchError, match="line 1 is a row, and no #fields line is above it"):
        list(read_conn_log(write(tmp_path / "conn.log", [row()])))
