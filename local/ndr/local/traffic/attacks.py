"""The injected attacks, a beacon and an exfiltration, with their ground truth."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ndr.contract.time import DAY_MICROSECONDS, SECOND_MICROSECONDS, format_instant, instant_of
from ndr.local.traffic.calendar import Calendar
from ndr.local.traffic.connections import Connections, Kind, LogNormal, connect
from ndr.local.traffic.network import SyntheticNetwork

BEACON_SECONDS, BEACON_JITTER_SECONDS = 300.0, 12.0
BEACON_LENGTH = 36 * 3_600 * SECOND_MICROSECONDS
EXFILTRATION_HOUR, UPLOADS, UPLOAD_SPACING_SECONDS = 1.3, 18, 420.0
BEACON = Kind("tcp", 443, "ssl", LogNormal(310, 0.08), LogNormal(190, 0.08), LogNormal(0.25, 0.3), 0.0)
UPLOAD = Kind("tcp", 443, "ssl", LogNormal(1.8e8, 0.3), LogNormal(40_000, 0.3), LogNormal(150, 0.3), 0.0)


@dataclass(frozen=True)
class InjectedAttack:
    """An injected attack: its connections, and its ground truth as written to the file."""

    connections: Connections
    ground_truth: dict[str, Any]


def inject_beacon(rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork) -> InjectedAttack:
    """Inject a beacon: an always-on workstation calls an external host every five minutes for the last 36 hours.

    The intervals are normally distributed around `BEACON_SECONDS`. In fewer than four and a half days of traffic, the
    beacon takes the last third.
    """
    host = int(np.flatnonzero(network.always_on)[-1])
    length = min(BEACON_LENGTH, calendar.days * DAY_MICROSECONDS // 3)
    intervals = rng.normal(
        BEACON_SECONDS, BEACON_JITTER_SECONDS, int(length / BEACON_SECONDS / SECOND_MICROSECONDS) + 50
    )
    at = calendar.end - length + np.cumsum(np.round(intervals * SECOND_MICROSECONDS)).astype(np.int64)
    at = at[at < calendar.end - 60 * SECOND_MICROSECONDS]  # the last call ends, and is logged, before the traffic ends
    orig, resp = network.workstations[host], network.beacon_peer
    connections = connect(rng, BEACON, at, np.array(orig), np.array(resp))
    rhythm = {"interval_seconds": BEACON_SECONDS, "jitter_seconds": BEACON_JITTER_SECONDS}
    return InjectedAttack(connections, _ground_truth("beacon", network, host, resp, connections) | rhythm)


def inject_exfiltration(rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork) -> InjectedAttack:
    """Inject an exfiltration: in the last night a workstation uploads gigabytes to a new external host."""
    host = len(network.workstations) // 2
    if network.always_on[host] or host == 0:
        host += 1  # neither the beacon's workstation nor the administrator's
    spacing = rng.normal(UPLOAD_SPACING_SECONDS, 40, UPLOADS)
    first = calendar.midnights[-1] + int(EXFILTRATION_HOUR * 3_600 * SECOND_MICROSECONDS)
    at = first + np.cumsum(np.round(spacing * SECOND_MICROSECONDS)).astype(np.int64)
    orig, resp = network.workstations[host], network.exfiltration_peer
    connections = connect(rng, UPLOAD, at, np.array(orig), np.array(resp))
    return InjectedAttack(connections, _ground_truth("exfiltration", network, host, resp, connections))


def _ground_truth(
    kind: str, network: SyntheticNetwork, host: int, peer: int, connections: Connections
) -> dict[str, Any]:
    def instant(micros: np.int64) -> str:
        return format_instant(instant_of(int(micros)))

    return {
        "kind": kind,
        "host_ip": network.addresses[network.workstations[host]],
        "machine_name": f"WS-{host + 1:03d}",
        "peer_ip": network.addresses[peer],
        "peer_port": int(connections.resp_port[0]),
        "first": instant(connections.start[0]),
        "last": instant(connections.start[-1]),
        "connections": len(connections),
        "payload_bytes_sent": int(connections.orig_bytes.sum()),
        "payload_bytes_received": int(connections.resp_bytes.sum()),
    }
