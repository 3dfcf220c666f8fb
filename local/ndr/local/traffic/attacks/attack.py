"""What an attack is injected into, and what it consists of."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ndr.contract.time import SECOND_MICROSECONDS, format_instant, instant_of
from ndr.local.traffic.calendar import Calendar
from ndr.local.traffic.connections import Connections
from ndr.local.traffic.network import SyntheticNetwork


@dataclass(frozen=True)
class Scene:
    """The network that is attacked, and its calendar."""

    calendar: Calendar
    network: SyntheticNetwork

    def instant(self, day: int, hour: float) -> int:
        """Return an instant in microseconds since the epoch; a negative day counts from the end."""
        return int(self.calendar.midnights[day]) + int(hour * 3_600 * SECOND_MICROSECONDS)

    def before_end(self, at: np.ndarray, seconds: float = 60) -> np.ndarray:
        """Return the instants whose connections end, and are logged, before the traffic ends."""
        return at[at < self.calendar.end - seconds * SECOND_MICROSECONDS]


@dataclass(frozen=True)
class InjectedAttack:
    """An attack: its kind, its host, its connections, what it silences, and further facts of its ground truth.

    `host` indexes the network's addresses. The addresses `silenced` have no traffic from the instant `since` on.
    """

    kind: str
    host: int
    connections: Connections
    silenced: tuple[int, ...] = ()
    since: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    def ground_truth(self, network: SyntheticNetwork) -> dict[str, Any]:
        """Return what the ground truth says of it; a single peer also as `peer_ip` and `peer_port`."""
        address = str(network.addresses[self.host])
        names = {machine.address: machine.name for machine in network.inventory}
        c = self.connections
        first, last = (c.start.min(), c.start.max()) if len(c) else (self.since, self.since)
        peers = sorted({str(network.addresses[peer]) for peer in np.unique(c.resp)})
        ports = sorted({int(port) for port in np.unique(c.resp_port)})
        single = {"peer_ip": peers[0], "peer_port": ports[0]} if len(peers) == len(ports) == 1 else {}
        return {
            "kind": self.kind,
            "host_ip": address,
            "machine_name": names[address],
            **single,
            "peer_ips": peers,
            "peer_ports": ports,
            "first": format_instant(instant_of(int(first))),
            "last": format_instant(instant_of(int(last))),
            "connections": len(c),
            "payload_bytes_sent": int(np.maximum(c.orig_bytes, 0).sum()),
            "payload_bytes_received": int(np.maximum(c.resp_bytes, 0).sum()),
        } | self.facts


def seconds_after(first: int, spacing: np.ndarray) -> np.ndarray:
    """Return instants: the first, and each next one `spacing` seconds after the one before."""
    return first + np.cumsum(np.round(spacing * SECOND_MICROSECONDS)).astype(np.int64)
