"""VPC Flow Logs: every version and order of fields, as text and Parquet, and what is not traffic."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.logs import flows_and_rejects

from ndr.sources.vpc_flow_logs import DEFAULT_FORMAT

V3 = f"{DEFAULT_FORMAT} vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr"
VERSIONS = {
    "v2": DEFAULT_FORMAT,
    "v3": V3,
    "v4": f"{V3} region az-id sublocation-type sublocation-id",
    "v5": f"{V3} pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path",
    "v8": f"{V3} reject-reason",
    "v11": f"{V3} ecs-cluster-arn resource-id encryption-status tags interface-type next-hop-x",
}
VALUES = {
    "version": "3", "account-id": "111122223333", "interface-id": "eni-1", "srcaddr": "10.0.0.1", "dstaddr": "10.0.0.9",
    "srcport": "50000", "dstport": "443", "protocol": "6", "packets": "10", "bytes": "840", "start": "1769839205",
    "end": "1769839265", "action": "ACCEPT", "log-status": "OK",
}  # fmt: skip
RECORD = {
    "source_ip": "10.0.0.1", "source_port": 50000, "destination_ip": "10.0.0.9", "destination_port": 443,
    "source_bytes": 840, "destination_bytes": 0, "event_start": datetime(2026, 1, 31, 6, 0, 5, tzinfo=UTC),
    "event_end": datetime(2026, 1, 31, 6, 1, 5, tzinfo=UTC), "event_action": "allow", "event_name": "TRAFFIC",
    "event_reason": None, "network_transport": "tcp", "observer": "eni-1",
}  # fmt: skip


def line(names: str = DEFAULT_FORMAT, **changes: str) -> str:
    values = VALUES | {name.replace("_", "-"): value for name, value in changes.items()}
    return " ".join(values.get(name, "-") for name in names.split())


def read(folder: Path, *lines: str, **options: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    path = folder / "flow.log"
    path.write_text("\n".join(lines) + "\n")
    found, rejected = flows_and_rejects(path, **{"source": "vpc_flow_logs"} | options)
    return [{name: value for name, value in flow.items() if name != "tcp_flags"} for flow in found], rejected


@pytest.mark.parametrize("names", VERSIONS.values(), ids=VERSIONS)
@pytest.mark.parametrize("source", ["vpc_flow_logs", "auto"])
def test_every_version_says_the_same_in_any_order(tmp_path: Path, names: str, source: str) -> None:
    for order in (names, " ".join(reversed(names.split()))):
        assert read(tmp_path, order, line(order), line(order), source=source) == ([RECORD] * 2, [])


def test_without_a_header_the_default_format_or_that_of_the_job_spec_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, line(version="2"), source="auto") == ([RECORD], [])
    names = "srcaddr dstaddr srcport dstport protocol bytes start end action log-status interface-id"
    given_format = " ".join(f"${{{name}}}" for name in names.split())
    assert read(tmp_path, line(names), inputs={"flow_log_format": given_format}) == ([RECORD], [])
    _, (rejected,) = read(tmp_path, line(names))
    assert rejected["reason"] == "bad_line: 11 fields where the format names 14"


def test_the_packets_own_addresses_are_the_ends_behind_nat(tmp_path: Path) -> None:
    (flow,), _ = read(tmp_path, V3, line(V3, pkt_srcaddr="10.0.7.7"))
    assert (flow["source_ip"], flow["destination_ip"]) == ("10.0.7.7", "10.0.0.9")


def test_rows_without_traffic_are_not_flows_and_refused_traffic_is_denied(tmp_path: Path) -> None:
    kinds: dict[str, int] = {}
    unset = dict.fromkeys(["srcaddr", "dstaddr", "srcport", "dstport", "protocol", "bytes", "action"], "-")
    lines = [line(**unset, log_status=status) for status in ("NODATA", "SKIPDATA", "NODATA")]
    flows, rejected = read(tmp_path, DEFAULT_FORMAT, *lines, line(action="REJECT"), kinds=kinds)
    assert (flows, rejected) == ([RECORD | {"event_action": "deny"}], [])
    assert kinds == {"nodata": 2, "skipdata": 1}


@pytest.mark.parametrize("spelled", ["-", "_"])
@pytest.mark.parametrize("as_text", [False, True])
def test_parquet_says_the_same(tmp_path: Path, spelled: str, as_text: bool) -> None:
    kinds: dict[str, int] = {}
    number = {"srcport", "dstport", "protocol", "bytes", "start", "end", "packets", "version"} - (
        {"start"} if as_text else set()
    )
    good = {name: int(value) if name in number else value for name, value in VALUES.items()}
    rows = [good, good | dict.fromkeys(["srcaddr", "dstaddr", "srcport", "action"]) | {"log-status": "SKIPDATA"}]
    columns = {name.replace("-", spelled): [row[name] for row in rows] for name in VALUES}
    path = tmp_path / "a.log.parquet"
    pq.write_table(pa.table(columns), path)
    flows, rejected = flows_and_rejects(path, source="auto", kinds=kinds)
    assert ([{**flow, "tcp_flags": None} for flow in flows], rejected) == ([RECORD | {"tcp_flags": None}], [])
    assert kinds == {"skipdata": 1}


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=40), max_size=12))
def test_no_row_is_lost_whatever_it_holds(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    lines = [text for text in texts if text]
    flows, rejected = read(tmp_path_factory.mktemp("vpc"), DEFAULT_FORMAT, line(), *lines, line())
    assert flows == [RECORD] * 2
    assert [row["raw"] for row in rejected] == lines
