"""What is counted, summed and taken the maximum of, over flows of a host."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, family

PORT_CLASSES: Final = ("high_risk", "admin", "fileshare", "directory", "db")
SUM: Final = "sum over the flows"
COUNTS: Final = (
    *family(
        "int64",
        [
            ("sessions_cnt", "flows"),
            ("allow_cnt", "flows allowed"),
            ("deny_cnt", "flows denied or dropped"),
            ("alert_cnt", "flows with an alert"),
            ("rst_cnt", "flows that ended with a TCP reset"),
            ("aged_out_cnt", "flows that timed out"),
            ("zero_reply_cnt", "flows to which the destination sent no byte"),
            ("short_session_cnt", "flows no longer than the JobSpec's short_session_seconds"),
            ("threat_cnt", "flows logged as THREAT"),
            ("traffic_cnt", "flows logged as TRAFFIC"),
            ("tcp_cnt", "TCP flows"),
            ("udp_cnt", "UDP flows"),
            ("icmp_cnt", "ICMP flows, v4 and v6"),
            ("syn_only_cnt", "TCP flows to which the destination sent no byte: a SYN without an answer"),
        ],
        unit="flows",
        formula="count",
    ),
    *family(
        "int64",
        [("bytes_sent_sum", "bytes that the host sent"), ("bytes_recv_sum", "bytes that the host received")],
        unit="bytes",
        formula=SUM,
    ),
    *family(
        "int64",
        [
            (f"{port_class}_port_sessions_cnt", f"flows to a port of the class {port_class}")
            for port_class in PORT_CLASSES
        ],
        unit="flows",
        formula="count",
    ),
)
DURATION_SUM: Final = Column(
    "duration_sum", "float64", "duration of the flows", "seconds", "sum of event_end - event_start over the flows"
)
MAXIMA: Final = (
    Column(
        "max_sessions_per_minute",
        "int64",
        "flows in the busiest minute of a slice",
        "flows",
        "maximum over the minutes",
    ),
    *family(
        "int64",
        [
            ("max_flow_bytes_sent", "bytes that the host sent in the flow in which it sent most"),
            ("max_flow_bytes_recv", "bytes that the host received in the flow in which it received most"),
        ],
        unit="bytes",
        formula="maximum over the flows",
    ),
)
ACTIVITY: Final = (*COUNTS, DURATION_SUM, *MAXIMA)
ACTIONS: Final = tuple(column for column in COUNTS if column.name in ("sessions_cnt", "allow_cnt", "deny_cnt"))
BYTES: Final = tuple(column for column in COUNTS if column.name in ("bytes_sent_sum", "bytes_recv_sum"))
