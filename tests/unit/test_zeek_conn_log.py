"""Zeek conn logs become flows; what can't be read is kept with its place and its reason."""

import gzip
import ipaddress
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.logs import flows_and_rejects

from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.jobs.deltas import files
from ndr.sources.integration.columns import ROW_ID
from ndr.sources.values.row_ids import row_ids
from ndr.sources.zeek.conn_state import TCP_OUTCOMES

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


@contextmanager
def blocks_of(size: int) -> Iterator[None]:
    """Cut logs into blocks of some bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "TEXT_BLOCK_BYTES", size)
        yield


def read(path: Path) -> tuple[list[dict], list[dict]]:
    return flows_and_rejects(path, source="zeek")


def read_one(path: Path, **values: str) -> dict:
    path.mkdir(exist_ok=True)
    flows, rejected = read(write(path / "conn.log", [*head(), row(**values)]))
    assert rejected == []
    (flow,) = flows
    return flow


def test_a_row_becomes_a_flow(tmp_path):
    assert read_one(tmp_path) == {
        "source_ip": "192.0.2.7", "source_port": 25320, "destination_ip": "198.51.100.9", "destination_port": 443,
        "source_bytes": 110, "destination_bytes": 220, "event_start": START,
        "event_end": START + timedelta(seconds=1.5), "event_action": "allow", "event_name": "TRAFFIC",
        "event_reason": "tcp-fin", "network_transport": "tcp", ROW_ID: row_ids(pa.array([ROW["uid"]]))[0].as_py(),
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
        ("ts", "yesterday", "bad_event_start: 'yesterday' is not ISO 8601 with a zone, nor epoch seconds"),
        ("ts", "-", "missing_event_start: the row has none"),
        ("ts", "nan", "bad_event_start: 'nan' is not ISO 8601 with a zone, nor epoch seconds"),
        ("id.orig_h", "192.0.2.256", "bad_source_ip: '192.0.2.256' is not an IP address"),
        ("id.resp_h", "-", "missing_destination_ip: the row has none"),
        ("id.resp_p", "65536", "bad_destination_port: 65536 is not in 0 to 65535"),
        ("id.orig_p", "-1", "bad_source_port: -1 is not in 0 to 65535"),
        ("duration", "-0.5", "bad_duration: '-0.5' is not a number of seconds"),
        ("orig_ip_bytes", "12.7", "bad_source_bytes: '12.7' is not a whole number"),
    ],
)
def test_a_row_that_can_not_be_read_is_kept_with_its_reason(tmp_path, field, value, reason):
    bad = row(**{field: value})
    path = write(tmp_path / "conn.log", [*head(), row(), bad, row()])
    flows, rejected = read(path)
    assert len(flows) == 2
    (found,) = rejected
    assert (found["source_file"], found["row_number"]) == (str(path), 1)
    assert found["reason"].startswith(reason)
    assert found["raw"] == bad or not reason.startswith(f"bad_{field}")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resp_bytes", "18446744073709551615"),
        ("orig_bytes", "x"),
        ("duration", "-0.000002"),
        ("id.resp_h", "fe80::1%eth0"),
        ("orig_ip_bytes", "1.1e2"),
    ],
)
def test_a_value_that_is_not_used_or_only_spelled_oddly_rejects_no_row(tmp_path, field, value):
    assert read_one(tmp_path, **{field: value})["source_bytes"] == 110


def test_rows_of_another_width_are_kept_in_line_order(tmp_path):
    short, bad_port = row().rsplit("\t", 1)[0], row(**{"id.resp_p": "http"})
    lines = [*head(), row() + "\textra", row(), bad_port, short, "", "#close\t2024-04-19-01-00-00"]
    flows, rejected = read(write(tmp_path / "conn.log", lines))
    assert len(flows) == 1
    assert [(line["row_number"], line["reason"]) for line in rejected] == [
        (0, "bad_line: 15 fields where #fields names 14"),
        (2, "bad_destination_port: 'http' is not a whole number"),
        (3, "bad_line: 13 fields where #fields names 14"),
    ]
    assert rejected[2]["raw"] == short


def test_bytes_that_are_not_utf8_reject_their_row_and_no_other(tmp_path):
    path = tmp_path / "conn.log"
    bad = row(**{"id.orig_h": "@"}).encode().replace(b"@", b"\xff\xfe")
    path.write_bytes("\n".join([*head(), row()]).encode() + b"\n" + bad + b"\n" + row().encode() + b"\n")
    flows, rejected = read(path)
    assert len(flows) == 2
    (found,) = rejected
    assert (found["row_number"], found["reason"]) == (1, r"bad_source_ip: '\\xff\\xfe' is not an IP address")


def test_header_blocks_may_follow_one_another_with_other_fields(tmp_path):
    turned = ["_node_name", *reversed(FIELDS)]
    lines = [*head(), row(), "#close\tx", *head(turned, "|", "NIL"), row(turned, "|", duration="NIL"), row()]
    flows, rejected = read(write(tmp_path / "conn.log", lines))
    assert [flow["event_end"] - flow["event_start"] for flow in flows] == [timedelta(seconds=1.5), timedelta(0)]
    assert {**flows[1], "event_end": None} == {**flows[0], "event_end": None}
    assert [line["row_number"] for line in rejected] == [2]  # tabs where the second block says |


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
    with blocks_of(block_bytes):
        flows, rejected = read(path)
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
    with blocks_of(256):
        flows, rejected = read(path)
    assert len(flows) == 2
    assert [line["raw"] for line in rejected] == [text.rstrip("\r") for text in rows if text.rstrip("\r")]


@given(st.integers(min_value=0, max_value=4_102_444_800_000_000), st.integers(min_value=0, max_value=10**12))
def test_times_are_exact_to_the_microsecond(tmp_path_factory, start, duration):
    path = tmp_path_factory.mktemp("zeek") / "conn.log"
    text = [f"{micros // 10**6}.{micros % 10**6:06d}" for micros in (start, duration)]
    write(path, [*head(), row(ts=text[0], duration=text[1])])
    ((flow,), _) = read(path)
    assert [pa.scalar(flow[name]).cast(pa.int64()).as_py() for name in ("event_start", "event_end")] == [
        start,
        start + duration,
    ]


@given(st.ip_addresses())
def test_every_address_is_read(tmp_path_factory, address):
    path = tmp_path_factory.mktemp("zeek") / "conn.log"
    write(path, [*head(), row(**{"id.orig_h": address.exploded})])
    ((flow,), _) = read(path)
    expected = getattr(address, "ipv4_mapped", None) or address
    assert ipaddress.ip_address(flow["source_ip"]) == ipaddress.ip_address(str(expected).partition("%")[0])


@pytest.mark.parametrize("ts", [1713484795.943239, "2024-04-18T23:59:55.943239Z", 1713484795943])
def test_json_lines_are_read_in_each_of_zeeks_time_forms(tmp_path, ts):
    record = {
        **ROW, "ts": ts, "id.resp_p": 443, "id.orig_p": 25320, "duration": 1.5, "orig_ip_bytes": 110, "uid": 'C"\\x',
        "resp_ip_bytes": 220, "tunnel_parents": [],
    }  # fmt: skip
    bare = {key: value for key, value in record.items() if key not in ("duration", "orig_bytes", "resp_bytes")}
    lines = [json.dumps(record), "{broken", "[1]", "", json.dumps({**bare, "id.orig_h": "nowhere"}), json.dumps(bare)]
    flows, rejected = read(write(tmp_path / "conn.log", lines))
    start = START.replace(microsecond=943000) if isinstance(ts, int) else START
    assert [flow["event_start"] for flow in flows] == [start, start]
    assert [flow["event_end"] for flow in flows] == [start + timedelta(seconds=1.5), start]
    assert [(flow["source_port"], flow["destination_bytes"]) for flow in flows] == [(25320, 220)] * 2
    assert [(line["row_number"], line["reason"][:30]) for line in rejected] == [
        (1, "bad_json: Expecting property n"), (2, "bad_json: the line is a list, "),
        (3, "bad_source_ip: 'nowhere' is no"),
    ]  # fmt: skip


def test_gzip_is_told_by_content_and_members_may_follow_one_another(tmp_path):
    path = tmp_path / "conn.log"
    text = ("\n".join([*head(), row()]) + "\n").encode()
    path.write_bytes(gzip.compress(text) + gzip.compress(text))
    assert len(read(path)[0]) == 2


def test_a_log_without_rows_is_empty_and_no_error(tmp_path):
    assert read(write(tmp_path / "conn.log", [*head(), "#close\tx"])) == ([], [])


def test_a_truncated_or_damaged_gzip_names_itself_and_gives_what_stands_before(tmp_path):
    path = tmp_path / "conn.log.gz"
    whole = gzip.compress("\n".join([*head(), *[row(uid=str(number)) for number in range(500)]]).encode())
    for damaged in (whole[: len(whole) // 2], whole[:-6] + b"\0" * 6):
        path.write_bytes(damaged)
        bad: list[str] = []
        flows, _ = flows_and_rejects(path, source="zeek", bad=bad)
        assert len(flows) > 100
        assert bad[0].startswith(f"{path} can't be read to its end as TEXT; it is truncated, damaged")


def test_a_missing_file_names_itself(tmp_path):
    with pytest.raises(InvalidRequestError, match=r"gone\.log does not exist"):
        read(tmp_path / "gone.log")


def test_rows_without_a_header_or_of_another_log_are_no_flows(tmp_path):
    rejected = read(write(tmp_path / "conn.log", [row()]))[1]
    assert [line["reason"] for line in rejected] == ["no_header: no #fields line is above the row"]
    lines = ["#separator \\x09", "#path\tdns", "#fields\tts\tuid\tquery", "1\tC\texample.org"]
    assert flows_and_rejects(write(tmp_path / "dns.log", lines), source="zeek", kinds=(kinds := {})) == ([], [])
    assert kinds == {"zeek log dns": 1}
    with pytest.raises(SchemaMismatchError, match=r"dns\.log is not a log of a known source"):
        flows_and_rejects(tmp_path / "dns.log", source="auto")


JSON_ROW = {**ROW, "ts": 1713484795.943239, "duration": 1.5, "id.orig_p": 25320, "id.resp_p": 443}
NESTED = {name: value for name, value in JSON_ROW.items() if not name.startswith("id.")} | {
    "id": {name.removeprefix("id."): value for name, value in JSON_ROW.items() if name.startswith("id.")}
}
DIALECTS = {
    "byte_order_mark": b"\xef\xbb\xbf" + "\n".join([*head(), row()]).encode(),
    "leading_tab": ("\t" + "\n".join([*head(), row()])).encode(),
    "names_without_hash": "\n".join(["\t".join(FIELDS), row()]).encode(),
    "names_with_commas": "\n".join([",".join(FIELDS), row(separator=",")]).encode(),
    "comma": "\n".join([*head(separator=","), row(separator=",")]).encode(),
    "crlf": "\r\n".join([*head(), row()]).encode(),
    "underscores": json.dumps({name.replace(".", "_"): value for name, value in JSON_ROW.items()}).encode(),
    "nested_id": json.dumps(NESTED).encode(),
    "stream": json.dumps({"@stream": "conn", **JSON_ROW}).encode(),
    "array": json.dumps([JSON_ROW]).encode(),
    "pretty": json.dumps(JSON_ROW, indent=2).encode(),
    "milliseconds": json.dumps(JSON_ROW | {"ts": 1713484795943}).encode(),
}


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("source", ["zeek", "auto"])
def test_every_dialect_says_the_same(tmp_path, name, source):
    path = tmp_path / "conn.log"
    path.write_bytes(DIALECTS[name])
    expected = read_one(tmp_path / "plain")
    flows, rejected = flows_and_rejects(path, source=source)
    assert rejected == []
    if name == "milliseconds":
        expected |= {key: expected[key].replace(microsecond=(943 if key == "event_start" else 443) * 1000)
                     for key in ("event_start", "event_end")}  # fmt: skip
    assert flows == [expected]


def test_rows_of_other_logs_in_one_stream_are_not_flows(tmp_path):
    lines = [{"_path": name, **JSON_ROW} for name in ("dns", "conn", "conn_long", "conn_red", "conn")]
    kinds: dict[str, int] = {}
    path = write(tmp_path / "all.json", [json.dumps(line) for line in lines])
    flows, rejected = flows_and_rejects(path, source="auto", kinds=kinds)
    assert (len(flows), rejected) == (2, [])
    assert kinds == {"zeek log dns": 1, "zeek log conn_long": 1, "zeek log conn_red": 1}
