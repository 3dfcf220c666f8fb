"""Discovery: a fast scan of the internal network, and a sweep for file shares at one host an hour."""

import numpy as np

from ndr.contract.time import SECOND_MICROSECONDS
from ndr.local.traffic.attacks.attack import InjectedAttack, Scene
from ndr.local.traffic.connections import Kind, LogNormal, connect

SCAN = Kind("tcp", 0, "-", LogNormal(60, 0.3), LogNormal(90, 0.5), LogNormal(0.01, 0.8), 0.9)
SHARE = Kind("tcp", 445, "smb", LogNormal(2_500, 0.4), LogNormal(4_000, 0.5), LogNormal(3, 0.8), 0.25)
SCANNED_PORTS = np.array([22, 80, 135, 139, 443, 445, 3389, 5985])
SCAN_MINUTES = 40


def _internal(scene: Scene, host: int) -> np.ndarray:
    network = scene.network
    machines = np.concatenate([network.workstations, list(network.servers.values()), network.printers, network.unused])
    return machines[machines != host]


def internal_scan(rng: np.random.Generator, scene: Scene, host: int, first: int, targets: int = 200) -> InjectedAttack:
    """Try eight ports of `targets` internal addresses within SCAN_MINUTES."""
    scanned = rng.choice(_internal(scene, host), targets, replace=False)
    resp, port = (axis.ravel() for axis in np.meshgrid(scanned, SCANNED_PORTS, indexing="ij"))
    at = np.sort(first + rng.integers(0, SCAN_MINUTES * 60 * SECOND_MICROSECONDS, len(resp)))
    return InjectedAttack("internal_scan", host, connect(rng, SCAN, at, np.array(host), resp, port))


def smb_sweep(rng: np.random.Generator, scene: Scene, host: int, first: int, hours: int = 36) -> InjectedAttack:
    """Try the file shares of one more machine each hour."""
    at = first + (np.arange(hours) * 3_600 + rng.uniform(0, 900, hours)) * SECOND_MICROSECONDS
    at = scene.before_end(at.astype(np.int64), 300)
    machines = _internal(scene, host)
    running = machines[: len(machines) - len(scene.network.unused)]
    resp = rng.permutation(running)[np.arange(len(at)) % len(running)]
    return InjectedAttack("smb_sweep", host, connect(rng, SHARE, at, np.array(host), resp))
