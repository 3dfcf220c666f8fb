"""What the demo must find: a beacon and an exfiltration, and the truth about them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from ndr.contract.time import EPOCH, format_instant
from ndr.local.traffic.calendar import DAY_MICROSECONDS, MICROSECONDS, Calendar
from ndr.local.traffic.connections import Connections, Kind, LogNormal, connect
from ndr.local.traffic.office import Office

BEACON_SECONDS, BEACON_JITTER_SECONDS = 300.0, 12.0
BEACON_LENGTH = 36 * 3_600 * MICROSECONDS
EXFILTRATION_HOUR, UPLOADS, UPLOAD_SPACING_SECONDS = 1.3, 18, 420.0
BEACON = Kind("tcp", 443, "ssl", LogNormal(310, 0.08), LogNormal(190, 0.08), LogNormal(0.25, 0.3), 0.0)
UPLOAD = Kind("tcp", 443, "ssl", LogNormal(1.8e8, 0.3), LogNormal(40_000, 0.3), LogNormal(150, 0.3), 0.0)


@dataclass(frozen=True)
class Planted:
    """One planted behaviour: its connections, and its entry of the truth file."""

    connections: Connections
    truth: dict[str, Any]


def plant_beacon(rng: np.random.Generator, calendar: Calendar, office: Office) -> Planted:
    """A workstation that runs day and night calls one outside host every five minutes, from 36 hours before the end.

    Intervals are normal around `BEACON_SECONDS`; of less than four and a half days of traffic it takes the last third.
    """
    host = int(np.flatnonzero(office.always_on)[-1])
    length = min(BEACON_LENGTH, calendar.days * DAY_MICROSECONDS // 3)
    intervals = rng.normal(BEACON_SECONDS, BEACON_JITTER_SECONDS, int(length / BEACON_SECONDS / MICROSECONDS) + 50)
    at = calendar.end - length + np.cumsum(np.round(intervals * MICROSECONDS)).astype(np.int64)
    at = at[at < calendar.end - 60 * MICROSECONDS]  # the last call is over, and so logged, before the traffic ends
    orig, resp = office.workstations[host], office.beacon_peer
    connections = connect(rng, BEACON, at, np.array(orig), np.array(resp))
    truth = {"interval_seconds": BEACON_SECONDS, "jitter_seconds": BEACON_JITTER_SECONDS}
    return Planted(connections, _truth("beacon", office, host, resp, connections) | truth)


def plant_exfiltration(rng: np.random.Generator, calendar: Calendar, office: Office) -> Planted:
    """A workstation uploads gigabytes to an outside host that nobody else knows, in the last night."""
    host = len(office.workstations) // 2
    if office.always_on[host] or host == 0:
        host += 1  # neither the beacon's machine nor the administrator's
    spacing = rng.normal(UPLOAD_SPACING_SECONDS, 40, UPLOADS)
    first = calendar.midnights[-1] + int(EXFILTRATION_HOUR * 3_600 * MICROSECONDS)
    at = first + np.cumsum(np.round(spacing * MICROSECONDS)).astype(np.int64)
    orig, resp = office.workstations[host], office.exfiltration_peer
    connections = connect(rng, UPLOAD, at, np.array(orig), np.array(resp))
    return Planted(connections, _truth("exfiltration", office, host, resp, connections))


def _truth(kind: str, office: Office, host: int, peer: int, connections: Connections) -> dict[str, Any]:
    def instant(micros: np.int64) -> str:
        return format_instant(EPOCH + timedelta(microseconds=int(micros)))

    return {
        "kind": kind,
        "host_ip": office.addresses[office.workstations[host]],
        "machine_name": f"WS-{host + 1:03d}",
        "peer_ip": office.addresses[peer],
        "peer_port": int(connections.resp_port[0]),
        "first": instant(connections.start[0]),
        "last": instant(connections.start[-1]),
        "connections": len(connections),
        "payload_bytes_sent": int(connections.orig_bytes.sum()),
        "payload_bytes_received": int(connections.resp_bytes.sum()),
    }
