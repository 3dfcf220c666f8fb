"""DuckDB's reader for each source: the columns of a flow as one would select them by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tests.jobs.same_connections import V5

PAN_OS_COLUMNS = 75
ZEEK_COLUMNS = (
    *("ts", "uid", "orig_h", "orig_p", "resp_h", "resp_p", "proto", "duration", "orig_bytes", "resp_bytes"),
    *("conn_state", "orig_ip_bytes", "resp_ip_bytes"),
)


class Rival(NamedTuple):
    """A table function of DuckDB for the file {path}, and the expressions of a flow's columns."""

    table: str
    ends: tuple[str, str]
    ports: tuple[str, str]
    sent: str
    received: str
    start: str
    words: tuple[str, ...]

    def query(self, path: str) -> str:
        """Return the query that counts the file; it takes each column, so that all are read."""
        greatest = [f"max({each})" for each in (*self.ends, *self.words)]
        ports = [f"sum({each})" for each in self.ports]
        others = ", ".join([f"min({self.start})", f"max({self.start})", *greatest, *ports])
        return (
            f"SELECT count(*) AS rows, sum({self.sent}) AS sent, sum({self.received}) AS received, {others} "
            f"FROM {self.table.format(path=path)}"
        )


def _csv(types: dict[str, str], options: str) -> str:
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
    return f"read_csv('{{path}}', auto_detect = false, columns = {{{{{columns}}}}}, {options})"


def _json(types: dict[str, str]) -> str:
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in types.items())
    return f"read_json('{{path}}', format = 'newline_delimited', columns = {{{{{columns}}}}})"


def _texts(names: Iterable[str], *numbers: str) -> dict[str, str]:
    return {name: "BIGINT" if name in numbers else "VARCHAR" for name in names}


def _numbers(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "BIGINT")


RIVALS = {
    "pan_os": Rival(
        _csv(
            _texts([f"c{n}" for n in range(1, PAN_OS_COLUMNS + 1)], "c25", "c26", "c33", "c34", "c37"),
            "header = false, delim = ',', quote = '\"'",
        ),
        ("c8", "c9"), ("c25", "c26"), "c33", "c34", "strptime(c36, '%Y/%m/%d %H:%M:%S')",
        ("c4", "c5", "c30", "c31", "c47", "c37"),
    ),
    "vpc_flow_logs": Rival(
        _csv(
            _texts(V5.replace("-", "_").split(), "srcport", "dstport", "bytes", "start", "end", "tcp_flags"),
            "header = true, delim = ' ', nullstr = '-'",
        ),
        ("srcaddr", "dstaddr"), ("srcport", "dstport"), "bytes", "0", 'to_timestamp("start")',
        ("protocol", "action", "log_status", "interface_id", "tcp_flags", '"end"'),
    ),
    "zeek": Rival(
        _csv(
            _texts(ZEEK_COLUMNS, "orig_p", "resp_p", "orig_ip_bytes", "resp_ip_bytes") | {"ts": "DOUBLE"},
            "header = false, skip = 4, delim = '\t', nullstr = '-'",
        ),
        ("orig_h", "resp_h"), ("orig_p", "resp_p"), "orig_ip_bytes", "resp_ip_bytes", "to_timestamp(ts)",
        ("proto", "conn_state", "duration"),
    ),
    "strata": Rival(
        _json(
            _texts(
                ["SourceAddress", "DestinationAddress", "Protocol", "Action", "SessionEndReason", "LogType", "Subtype"]
            )
            | _numbers("SourcePort", "DestinationPort", "BytesSent", "BytesReceived", "SessionDuration")
            | {"SessionStartTime": "TIMESTAMPTZ"}
        ),
        ("SourceAddress", "DestinationAddress"), ("SourcePort", "DestinationPort"), "BytesSent", "BytesReceived",
        "SessionStartTime", ("Protocol", "Action", "SessionEndReason", "LogType", "Subtype", "SessionDuration"),
    ),
    "suricata": Rival(
        _json(
            _texts(["event_type", "src_ip", "dest_ip", "src_port", "dest_port", "proto"], "src_port", "dest_port")
            | {
                "flow": 'STRUCT(bytes_toserver BIGINT, bytes_toclient BIGINT, "start" VARCHAR, "end" VARCHAR, '
                '"action" VARCHAR)',
                "tcp": "STRUCT(tcp_flags_ts VARCHAR, tcp_flags_tc VARCHAR)",
            }
        ),
        ("src_ip", "dest_ip"), ("src_port", "dest_port"), "flow.bytes_toserver", "flow.bytes_toclient",
        "strptime(flow.\"start\", '%Y-%m-%dT%H:%M:%S.%f%z')",
        ("event_type", "proto", "flow.action", "tcp.tcp_flags_ts", "tcp.tcp_flags_tc", 'flow."end"'),
    ),
    "ocsf": Rival(
        _json(
            _numbers("class_uid", "activity_id", "start_time", "end_time")
            | dict.fromkeys(("src_endpoint", "dst_endpoint"), "STRUCT(ip VARCHAR, port BIGINT)")
            | {"connection_info": "STRUCT(protocol_num BIGINT)", "traffic": "STRUCT(bytes_out BIGINT, bytes_in BIGINT)"}
        ),
        ("src_endpoint.ip", "dst_endpoint.ip"), ("src_endpoint.port", "dst_endpoint.port"), "traffic.bytes_out",
        "traffic.bytes_in", "epoch_ms(start_time)",
        ("class_uid", "activity_id", "connection_info.protocol_num", "end_time"),
    ),
    "integration": Rival(
        _json(
            _texts(["source_ip", "destination_ip", "event_action", "event_name", "event_reason", "network_transport"])
            | _numbers("source_port", "destination_port", "source_bytes", "destination_bytes")
            | dict.fromkeys(("event_start", "event_end"), "TIMESTAMPTZ")
        ),
        ("source_ip", "destination_ip"), ("source_port", "destination_port"), "source_bytes", "destination_bytes",
        "event_start", ("event_action", "event_name", "event_reason", "network_transport", "event_end"),
    ),
}  # fmt: skip
