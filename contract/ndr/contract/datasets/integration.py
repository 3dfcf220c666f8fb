"""Flows as the sources' parsers give them."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset

_UNTOLD: Final = "the source does not tell it"
INTEGRATION: Final = Dataset(
    "integration",
    (),
    (
        Column("source_ip", "string", "who opened the flow, IPv4 or IPv6"),
        Column("source_port", "int64", "0 to 65535; ICMP type where the log gives it", "port number", null=_UNTOLD),
        Column("destination_ip", "string", "who was contacted"),
        Column("destination_port", "int64", "0 to 65535", "port number"),
        Column("source_bytes", "int64", "bytes from source to destination", "bytes", null=_UNTOLD),
        Column("destination_bytes", "int64", "bytes from destination to source", "bytes", null=_UNTOLD),
        Column("event_start", "timestamp", "start of the flow"),
        Column("event_end", "timestamp", "end of the flow"),
        Column("event_action", "string", "allow, deny, drop or alert"),
        Column("event_name", "string", "TRAFFIC or THREAT", null=_UNTOLD),
        Column(
            "event_reason",
            "string",
            "why the flow ended, e.g. tcp-fin, tcp-rst-from-server, aged-out",
            null=_UNTOLD,
        ),
        Column("network_transport", "string", "tcp, udp, icmp, ...", null=_UNTOLD),
    ),
    time_column="event_start",
)
