"""PAN-OS logs: every version, header and quoting; sessions, threats, and what is not a flow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.logs import FLOW, START, flows_and_rejects

TRAFFIC = {
    1: "1", 2: "2026/01/31 06:03:20", 3: "001801000001", 4: "TRAFFIC", 5: "end", 6: "2561", 7: "2026/01/31 06:03:20",
    8: "10.0.0.1", 9: "192.0.2.9", 10: "0.0.0.0", 11: "0.0.0.0", 12: "allow-web", 13: "", 14: "", 15: "ssl", 16: "v1",
    17: "trust", 18: "untrust", 19: "ethernet1/1", 20: "ethernet1/2", 21: "fwd", 22: "2026/01/31 06:03:20", 23: "77",
    24: "1", 25: "50000", 26: "443", 27: "0", 28: "0", 29: "0x19", 30: "tcp", 31: "allow", 32: "300", 33: "100",
    34: "200", 35: "4", 36: "2026/01/31 06:03:04", 37: "12", 38: "any", 39: "0", 40: "9", 41: "0x0", 42: "10.0.0.0",
    43: "US", 44: "0", 45: "2", 46: "2", 47: "tcp-fin",
}  # fmt: skip
THREAT = {place: value for place, value in TRAFFIC.items() if place < 32} | {
    4: "THREAT", 5: "url", 32: '"a.example/x,y"', 33: "(9999)", 34: "news", 35: "informational", 36: "client-to-server",
}  # fmt: skip
HEADERS = {
    "none": "",
    "rfc_3164": "<14>Jan 31 06:03:20 fw-1 ",
    "rfc_5424": "<14>1 2026-01-31T06:03:20.000Z fw-1 logforwarder 12 panwlogs - ",
    "octet_count": "600 <14>1 2026-01-31T06:03:20Z fw-1 - - - - ",
    "commas": '<14>1 2026-01-31T06:03:20Z fw-1 - - - [x@1 a="1,2,3" b="c,d"] ',
}
WIDTHS = {"7.1": 47, "8.1": 61, "9.1": 75, "10.1": 115, "11.1": 130}


def line(fields: dict[int, str] = TRAFFIC, width: int = 47, header: str = "", **changes: str) -> str:
    """Write a line; changes are named `c31` for column 31."""
    columns = fields | {int(name[1:]): value for name, value in changes.items()}
    return header + ",".join(columns.get(place, "") for place in range(1, max(width, *columns) + 1))


def read(folder: Path, *lines: str, **options: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    path = folder / "pan.log"
    path.write_text("\n".join(lines) + "\n")
    flows, rejected = flows_and_rejects(path, **{"source": "pan_os", "time_zone": "UTC"} | options)
    return [{name: flow[name] for name in FLOW} for flow in flows], rejected


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("source", ["pan_os", "auto"])
def test_every_version_and_header_says_the_same(tmp_path: Path, width: int, header: str, source: str) -> None:
    extra = {"c70": '{"a",x}', "c72": "1,2,3,4"} if width > 70 else {}
    assert read(tmp_path, line(width=width, header=header, **extra), source=source) == ([FLOW], [])


def test_a_threat_has_no_bytes_and_no_end(tmp_path: Path) -> None:
    generated = datetime(2026, 1, 31, 6, 3, 20, tzinfo=UTC)
    threat = {"event_start": generated, "event_end": generated, "event_name": "THREAT", "event_reason": None}
    assert read(tmp_path, line(THREAT), line()) == (
        [FLOW | threat | {"source_bytes": 0, "destination_bytes": 0}, FLOW], [],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("action", "word"),
    [
        *(("allow", "allow"), ("deny", "deny"), ("drop", "drop"), ("alert", "alert")),
        *(("drop ICMP", "drop"), ("drop-icmp", "drop"), ("reset both", "deny"), ("reset-client", "deny")),
        *(("reset server", "deny"), ("block-url", "deny"), ("sinkhole", "deny"), ("Block-Continue", "deny")),
    ],
)
def test_each_action_is_a_word_of_the_contract(tmp_path: Path, action: str, word: str) -> None:
    ((flow,), rejected) = read(tmp_path, line(c31=action))
    assert (flow["event_action"], rejected) == (word, [])


def test_commas_in_quotes_do_not_shift_columns(tmp_path: Path) -> None:
    rules = ['"a, b"', '"say ""x, y"""', r'"say \"x, y\""', '""', '"all"', '"a, b']
    lines = [line(c12=rule) for rule in rules]
    flows, rejected = read(tmp_path, line(), *lines, line())
    assert flows == [FLOW] * 7  # but for the quote that is never closed
    assert [row["row_number"] for row in rejected] == [6]
    every = ",".join(f'"{value}"' for value in line().split(","))
    assert read(tmp_path, every)[0] == [FLOW]


def test_what_is_not_a_flow_is_counted_by_kind(tmp_path: Path) -> None:
    kinds: dict[str, int] = {}
    lines = [line(c5="start"), line(), line(c4="SYSTEM"), line(c4="CONFIG"), line(c5="deny"), line(c5="drop")]
    flows, rejected = read(tmp_path, *lines, kinds=kinds)
    assert (len(flows), rejected) == (3, [])
    assert kinds == {"session start": 1, "PAN-OS log SYSTEM": 1, "PAN-OS log CONFIG": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("something else", "bad_line: the line has no PAN-OS log type"),
        (",".join(line().split(",")[:20]), "bad_line: the line has fewer columns than a PAN-OS log"),
        (line(c8="nowhere"), "bad_source_ip: 'nowhere' is not an IP address"),
        (line(c36="yesterday"), "bad_event_start: 'yesterday' is not ISO 8601"),
        (line(c37="-5"), "bad_duration: '-5' is not a number of seconds"),
        (line(c33="x"), "bad_source_bytes: 'x' is not a whole number"),
        (line(c31="juggle"), "unknown_action: event_action is 'juggle'"),
        (line(c24="99999"), "bad_sessions: the row stands for 99,999 flows, not 1 to 4096"),
    ],
)
def test_each_reason(tmp_path: Path, text: str, reason: str) -> None:
    flows, (found,) = read(tmp_path, line(), text, line())
    assert flows == [FLOW] * 2
    assert (found["row_number"], found["reason"][: len(reason)]) == (1, reason)


def test_local_times_need_a_zone_or_the_offset_of_the_high_resolution_time(tmp_path: Path) -> None:
    berlin = START - timedelta(hours=1)
    high = line(width=115, c103="2026-01-31T06:03:20.123-05:00")
    assert [flow["event_start"] for flow in read(tmp_path, line(), high, time_zone="Europe/Berlin")[0]] == [
        berlin, START + timedelta(hours=5),
    ]  # fmt: skip
    flows, (rejected,) = read(tmp_path, line(), high, time_zone=None)
    assert [flow["event_start"] for flow in flows] == [START + timedelta(hours=5)]
    assert '"time_zone" in the delta_builder JobSpec' in rejected["reason"]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=60), max_size=12))
def test_no_row_is_lost_whatever_it_holds(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    lines = [text for text in texts if text]
    flows, rejected = read(tmp_path_factory.mktemp("pan"), line(), *lines, line())
    assert flows == [FLOW] * 2
    assert [row["raw"] for row in rejected] == lines
