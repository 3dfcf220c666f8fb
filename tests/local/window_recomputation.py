"""FG-A windows recomputed from raw Zeek conn logs in plain Python: no Arrow, no numpy, none of the package's code.

Follows the definitions alone: the largest flow of a window, the peers on ports of a class, segments of peers that are
new against the thirty days before, and how much of window and lookback was published.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.local.recomputation import SLICE, flow_bytes, flows

WIDTHS = {"15m": 1, "30m": 2, "1h": 4, "8h": 32, "24h": 96}
ADMIN = {22, 23, 3389, 5900, 5985, 5986}
HIGH_RISK = {23, 135, 445, 1433, 3389, 4444, 5900, 6667}
LOOKBACK_DAYS = 30
Key = tuple[str, str, str, datetime]  # host, role, window_label, window_end


class Seen(NamedTuple):
    """A connection as one of its hosts sees it; `tcp_port` is 0 for other transports."""

    slice_number: int
    sent: int
    received: int
    peer: str
    tcp_port: int


def windows(
    folder: Path, subnet: str, published_from: datetime, ends: Iterable[datetime]
) -> dict[Key, dict[str, float]]:
    """Return the rows of the hosts of a subnet (`10.20.1.`) whose windows end at one of `ends`."""
    of_host: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for flow in flows(folder):
        number = int(float(flow["ts"]) // SLICE)
        source, destination = flow["id.orig_h"], flow["id.resp_h"]
        port = int(flow["id.resp_p"]) if flow["proto"] == "tcp" else 0
        there, back = flow_bytes(flow, "orig"), flow_bytes(flow, "resp")
        if source.startswith(subnet):
            of_host[source, "outbound"].append(Seen(number, there, back, destination, port))
        if destination.startswith(subnet):
            of_host[destination, "inbound"].append(Seen(number, back, there, source, port))
    rows: dict[Key, dict[str, float]] = {}
    for (host, role), seen in of_host.items():
        for end in ends:
            for label, width in WIDTHS.items():
                last = int(end.timestamp()) // SLICE
                inside = [each for each in seen if last - width <= each.slice_number < last]
                if inside:
                    rows[host, role, label, end] = _row(
                        seen, inside, end - width * timedelta(minutes=15), end, published_from
                    )
    return rows


def _row(
    seen: list[Seen], inside: list[Seen], start: datetime, end: datetime, published_from: datetime
) -> dict[str, float]:
    opening = start.replace(hour=0, minute=0) - timedelta(days=LOOKBACK_DAYS)
    first, last = (int(instant.timestamp()) // SLICE for instant in (opening, start))
    peers = [each for each in inside if not is_excluded(each.peer)]
    before = {segment(each.peer) for each in seen if first <= each.slice_number < last and not is_excluded(each.peer)}
    days = (start.replace(hour=0, minute=0) - published_from).days
    return {
        "sessions_cnt": len(inside),
        "max_flow_bytes_sent": max(each.sent for each in inside),
        "max_flow_bytes_recv": max(each.received for each in inside),
        "admin_peer_cnt": len({each.peer for each in peers if each.tcp_port in ADMIN}),
        "high_risk_peer_cnt": len({each.peer for each in peers if each.tcp_port in HIGH_RISK}),
        "high_risk_port_cnt": len({each.tcp_port for each in peers} & HIGH_RISK),
        "new_peer_segment_cnt": len({segment(each.peer) for each in peers} - before),
        "window_coverage": min(1.0, (end - published_from) / (end - start)),
        "lookback_days": min(max(days, 0), LOOKBACK_DAYS),
    }


@cache
def is_excluded(address: str) -> bool:
    """Tell whether an address is loopback, link-local, multicast, broadcast or unspecified."""
    found = ipaddress.ip_address(address)
    special = found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified
    return special or address == "255.255.255.255"


@cache
def segment(address: str) -> str:
    """Return the /24 of an IPv4 address, the /64 of an IPv6 address."""
    return str(ipaddress.ip_network(f"{address}/{64 if ':' in address else 24}", strict=False))
