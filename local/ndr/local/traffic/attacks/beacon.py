"""A beacon: malware calls its controller at regular intervals."""

import numpy as np

from ndr.contract.time import SECOND_MICROSECONDS
from ndr.local.traffic.attacks.attack import InjectedAttack, Scene, seconds_after
from ndr.local.traffic.connections import Kind, LogNormal, connect

BEACON = Kind("tcp", 443, "ssl", LogNormal(310, 0.08), LogNormal(190, 0.08), LogNormal(0.25, 0.3), 0.0)


def beacon(
    rng: np.random.Generator, scene: Scene, host: int, peer: int, first: int, seconds: float, jitter: float,
    kind: str = "beacon",
) -> InjectedAttack:  # fmt: skip
    """Call a peer from an instant to the end of the traffic.

    Parameters
    ----------
    seconds : float
        The mean interval.
    jitter : float
        Each interval is uniform within this share of the mean.
    """
    count = int((scene.calendar.end - first) / (seconds * SECOND_MICROSECONDS) * (1 + jitter)) + 50
    at = scene.before_end(seconds_after(first, seconds * rng.uniform(1 - jitter, 1 + jitter, count)))
    connections = connect(rng, BEACON, at, np.array(host), np.array(peer))
    return InjectedAttack(kind, host, connections, facts={"interval_seconds": seconds, "jitter": jitter})
