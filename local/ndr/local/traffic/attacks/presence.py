"""Presence: a machine that was switched off wakes at night, and one that always runs falls silent."""

import numpy as np

from ndr.contract.time import SECOND_MICROSECONDS, format_instant, instant_of
from ndr.local.traffic.activities import DNS, HTTPS, LDAP, SMB
from ndr.local.traffic.attacks.attack import InjectedAttack, Scene
from ndr.local.traffic.connections import Connections, connect

USED_DAYS, AWAKE_HOURS = 3, 5
HOUR_MICROSECONDS = 3_600 * SECOND_MICROSECONDS


def dormant_wakes(rng: np.random.Generator, scene: Scene, peer: int, day: int, hour: float) -> InjectedAttack:
    """Wake the dormant server for five hours: names, directory, file shares, and a few calls to a new peer.

    It was in use in the first USED_DAYS days of the traffic, and not since.
    """
    network, host = scene.network, scene.network.dormant
    woke = scene.instant(day, hour)
    earlier = [scene.instant(number, 9) for number in range(min(USED_DAYS, scene.calendar.days - 2))]
    usual = [_work(rng, scene, first, AWAKE_HOURS) for first in (*earlier, woke)]
    at = np.sort(woke + rng.integers(0, AWAKE_HOURS * HOUR_MICROSECONDS, 15))
    calls = connect(rng, HTTPS, at, np.array(host), np.array(peer))
    facts = {"woke": format_instant(instant_of(woke)), "peer_ips": [str(network.addresses[peer])]}
    return InjectedAttack("dormant_wakes", host, Connections.joined([*usual, calls]), facts=facts)


def _work(rng: np.random.Generator, scene: Scene, first: int, hours: int) -> Connections:
    server = scene.network.servers
    parts = []
    for kind, count, resp in ((DNS, 40, "dns01"), (LDAP, 12, "dc01"), (SMB, 30, "files01")):
        at = np.sort(first + rng.integers(0, hours * HOUR_MICROSECONDS, count))
        parts.append(connect(rng, kind, at, np.array(scene.network.dormant), np.array(server[resp])))
    return Connections.joined(parts)


def falls_silent(scene: Scene, workstation: int, first: int) -> InjectedAttack:
    """Take away all traffic of a workstation, over IPv4 and IPv6, from an instant on."""
    network = scene.network
    addresses = (int(network.workstations[workstation]), int(network.workstations_v6[workstation]))
    nothing = Connections(**{name: np.zeros(0, np.int64) for name in Connections.__dataclass_fields__})
    return InjectedAttack("falls_silent", addresses[0], nothing, tuple(each for each in addresses if each >= 0), first)
