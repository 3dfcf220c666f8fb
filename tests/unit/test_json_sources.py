"""Sources whose rows are JSON objects: Suricata EVE, OCSF 4001, Strata; and the objects in every arrangement."""

from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.logs import FLOW, flows_and_rejects

from ndr.sources.json_objects import as_lines

SURICATA = {
    "timestamp": "2026-01-31T06:05:00.000000+0000", "event_type": "flow", "src_ip": "10.0.0.1", "src_port": 50000,
    "dest_ip": "192.0.2.9", "dest_port": 443, "proto": "TCP",
    "flow": {"bytes_toserver": 100, "bytes_toclient": 200, "start": "2026-01-31T06:03:04.000000+0000",
             "end": "2026-01-31T06:03:16.000000+0000", "state": "closed", "reason": "timeout", "action": "accept"},
    "tcp": {"tcp_flags": "1b", "tcp_flags_ts": "1b", "tcp_flags_tc": "1b"},
}  # fmt: skip
OCSF = {
    "class_uid": 4001, "activity_id": 2, "time": 1769839396000, "start_time": 1769839384000, "end_time": 1769839396000,
    "src_endpoint": {"ip": "10.0.0.1", "port": 50000}, "dst_endpoint": {"ip": "192.0.2.9", "port": 443},
    "connection_info": {"protocol_num": 6, "direction_id": 2}, "traffic": {"bytes_out": 100, "bytes_in": 200},
    "action_id": 1, "disposition_id": 1,
}  # fmt: skip
STRATA = {
    "LogType": "TRAFFIC", "Subtype": "end", "TimeGenerated": "2026-01-31T06:03:20.000000Z",
    "SourceAddress": "10.0.0.1", "SourcePort": 50000, "DestinationAddress": "192.0.2.9", "DestinationPort": 443,
    "Protocol": "tcp", "Action": "allow", "BytesSent": 100, "BytesReceived": 200, "SessionDuration": 12,
    "SessionStartTime": "2026-01-31T06:03:04.000000Z", "RepeatCount": 1, "SessionEndReason": "tcp-fin",
    "DeviceSN": "001", "SequenceNo": 9, "IsDuplicateLog": False,
}  # fmt: skip
ROWS: dict[str, dict[str, Any]] = {"suricata": SURICATA, "ocsf": OCSF, "strata": STRATA}
ARRANGEMENTS: dict[str, Callable[[list[Any]], bytes]] = {
    "lines": lambda rows: "".join(json.dumps(row) + "\n" for row in rows).encode(),
    "no_newlines": lambda rows: "".join(map(json.dumps, rows)).encode(),
    "array": lambda rows: json.dumps(rows).encode(),
    "array_of_lines": lambda rows: ("[" + ",\n".join(map(json.dumps, rows)) + "]").encode(),
    "pretty": lambda rows: "\n".join(json.dumps(row, indent=1) for row in rows).encode(),
    "gzip": lambda rows: gzip.compress(ARRANGEMENTS["no_newlines"](rows)),
    "two_members": lambda rows: b"".join(gzip.compress(json.dumps(row).encode()) for row in rows),
    "bzip2": lambda rows: bz2.compress(ARRANGEMENTS["lines"](rows)),
    "zstd": lambda rows: pa.compress(ARRANGEMENTS["lines"](rows), codec="zstd", asbytes=True),
}


def read(folder: Path, source: str, *rows: Any, **options: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    path = folder / "log"
    path.write_bytes(ARRANGEMENTS["lines"](list(rows)))
    flows, rejected = flows_and_rejects(path, source=source, **options)
    return [{name: flow[name] for name in FLOW} for flow in flows], rejected


def changed(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a row with changes; `a__b` is the key `b` in the object `a`."""
    found = json.loads(json.dumps(row))
    for name, value in changes.items():
        parent, _, child = name.partition("__")
        if child:
            found[parent][child] = value
        else:
            found[parent] = value
    return found


@pytest.mark.parametrize("source", ROWS)
@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_every_object_is_a_row_however_they_are_arranged(tmp_path: Path, source: str, arrangement: str) -> None:
    path = tmp_path / "stream-1-2026-01-31-06-00-00-uuid"
    path.write_bytes(ARRANGEMENTS[arrangement]([ROWS[source]] * 3))
    for name in (source, "auto"):
        flows, rejected = flows_and_rejects(path, source=name)
        assert rejected == []
        assert [{column: flow[column] for column in FLOW} for flow in flows] == [FLOW] * 3


@pytest.mark.parametrize(
    ("source", "changes", "expected"),
    [
        ("suricata", {"flow__action": "drop"}, {"event_action": "drop"}),
        ("suricata", {"flow__action": "pass"}, {}),
        ("suricata", {"tcp__tcp_flags_ts": "1f"}, {"event_reason": "tcp-rst-from-client"}),
        ("suricata", {"tcp__tcp_flags_tc": "16"}, {"event_reason": "tcp-rst-from-server"}),
        ("suricata", {"proto": "UDP"}, {"event_reason": "aged-out", "network_transport": "udp"}),
        ("suricata", {"src_ip": "::ffff:10.0.0.1"}, {}),
        ("suricata", {"flow__start": "2026-01-31T07:03:04+0100"}, {}),
        ("ocsf", {"activity_id": 3}, {"event_reason": "tcp-rst"}),
        ("ocsf", {"activity_id": 4}, {"event_reason": "aged-out"}),
        ("ocsf", {"activity_id": 5}, {"event_action": "deny", "event_reason": "policy-deny"}),
        ("ocsf", {"action_id": 2}, {"event_action": "deny"}),
        ("ocsf", {"disposition_id": 2}, {"event_action": "deny"}),
        ("ocsf", {"cumulative_traffic": {"bytes_in": 9000, "bytes_out": 9000}}, {}),
        ("ocsf", {"connection_info__protocol_num": 17}, {"event_reason": "aged-out", "network_transport": "udp"}),
        (
            "ocsf",
            {"initiator_id": 2},
            {"source_ip": "192.0.2.9", "source_port": 443, "destination_ip": "10.0.0.1", "destination_port": 50000}
            | {"source_bytes": 200, "destination_bytes": 100},
        ),
        ("strata", {"Action": "reset-both"}, {"event_action": "deny"}),
        ("strata", {"BytesSent": "100", "SourcePort": 5e4}, {}),
        ("strata", {"IsDuplicateLog": None}, {}),
    ],
)
def test_what_a_row_says(tmp_path: Path, source: str, changes: dict[str, Any], expected: dict[str, Any]) -> None:
    row = changed(ROWS[source], **changes)
    assert read(tmp_path, source, row) == ([FLOW | expected], [])
    assert read(tmp_path, source, ROWS[source], row) == ([FLOW, FLOW | expected], [])


@pytest.mark.parametrize(
    ("source", "changes", "kind"),
    [
        ("suricata", {"event_type": "netflow"}, "Suricata event netflow"),
        ("suricata", {"event_type": "alert"}, "Suricata event alert"),
        ("ocsf", {"activity_id": 1}, "OCSF activity Open"),
        ("ocsf", {"activity_id": 7}, "OCSF activity Listen"),
        ("ocsf", {"class_uid": 4003}, "OCSF class 4003"),
        ("strata", {"IsDuplicateLog": True}, "duplicate log"),
        ("strata", {"Subtype": "start"}, "session start"),
        ("strata", {"LogType": "SYSTEM"}, "Strata log SYSTEM"),
    ],
)
def test_what_is_not_a_flow_is_counted_by_kind(tmp_path: Path, source: str, changes: dict[str, Any], kind: str) -> None:
    kinds: dict[str, int] = {}
    rows = [ROWS[source], changed(ROWS[source], **changes), ROWS[source]]
    assert read(tmp_path, source, *rows, kinds=kinds) == ([FLOW] * 2, [])
    assert kinds == {kind: 1}


def test_ocsf_in_parquet_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "part-0.zst"
    pq.write_table(pa.Table.from_pylist([OCSF, OCSF]), path)
    assert flows_and_rejects(path, source="auto") == ([FLOW] * 2, [])


def test_ocsf_of_one_direction_is_a_record(tmp_path: Path) -> None:
    row = changed(OCSF, traffic={"bytes": 840, "packets": 10}, src_endpoint__interface_uid="eni-1")
    path = tmp_path / "log"
    path.write_text(json.dumps(changed(row, connection_info__tcp_flags=2)))
    (flow,), rejected = flows_and_rejects(path, source="ocsf")
    assert (flow["source_bytes"], flow["destination_bytes"], flow["observer"], flow["tcp_flags"], rejected) == (
        840, 0, "eni-1", 2, [],
    )  # fmt: skip


@pytest.mark.parametrize("source", ROWS)
@given(rows=st.lists(st.integers(0, 3) | st.dictionaries(st.sampled_from(["src_ip", "flow", "time"]), st.integers())))
def test_every_row_is_a_flow_quarantined_or_not_a_flow(
    tmp_path_factory: pytest.TempPathFactory, source: str, rows: list[Any]
) -> None:
    good = ROWS[source]
    flows, _ = read(tmp_path_factory.mktemp("json"), source, good, *rows, good)  # which adds up the rows
    assert flows == [FLOW] * 2


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=4), values, max_size=3), max_size=6), st.sampled_from(["", "\n", ", "])
)
def test_objects_are_cut_whatever_stands_in_their_strings(objects: list[Any], between: str) -> None:
    text = between.join(json.dumps(each, ensure_ascii=False) for each in objects).encode()
    assert [json.loads(line) for line in as_lines(text).splitlines() if line] == objects
