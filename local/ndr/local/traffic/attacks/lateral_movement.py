"""Lateral movement: an intruder logs on to one machine after the other with the tools of administrators."""

import numpy as np

from ndr.contract.time import SECOND_MICROSECONDS
from ndr.local.traffic.attacks.attack import InjectedAttack, Scene
from ndr.local.traffic.connections import Connections, Kind, LogNormal, connect

RDP = Kind("tcp", 3389, "-", LogNormal(250_000, 0.8), LogNormal(1_500_000, 0.8), LogNormal(400, 0.7), 0.1)
WINRM = Kind("tcp", 5985, "http", LogNormal(30_000, 0.7), LogNormal(50_000, 0.8), LogNormal(20, 0.8), 0.1)


def lateral_movement(
    rng: np.random.Generator, scene: Scene, host: int, first: int, machines: int = 8
) -> InjectedAttack:
    """Within three hours, log on to servers and workstations over RDP and WinRM, several times each."""
    network = scene.network
    known = np.concatenate([list(network.servers.values()), network.workstations])
    targets = rng.choice(known[known != host], machines, replace=False)
    parts = []
    for number, target in enumerate(targets):
        kind = (RDP, WINRM)[number % 2]
        start = first + int((number + rng.random()) * 3 * 3_600 / machines * SECOND_MICROSECONDS)
        at = start + np.sort(rng.integers(0, 900 * SECOND_MICROSECONDS, 3))
        parts.append(connect(rng, kind, at, np.array(host), np.array(target)))
    return InjectedAttack("lateral_movement", host, Connections.joined(parts))
