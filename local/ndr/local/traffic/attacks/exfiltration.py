"""Exfiltration: gigabytes in an hour, or a little more every day."""

import numpy as np

from ndr.contract.time import SECOND_MICROSECONDS
from ndr.local.traffic.attacks.attack import InjectedAttack, Scene, seconds_after
from ndr.local.traffic.connections import Connections, Kind, LogNormal, connect

UPLOADS, UPLOAD_SPACING_SECONDS, UPLOAD_BYTES = 18, 420.0, 1.8e8
GROWTH, FIRST_DAY_BYTES, PARTS = 1.10, 3e6, 12


def _upload(size: float) -> Kind:
    return Kind("tcp", 443, "ssl", LogNormal(size, 0.3), LogNormal(40_000, 0.3), LogNormal(150, 0.3), 0.0)


def burst(
    rng: np.random.Generator, scene: Scene, host: int, peer: int, first: int, size: float = UPLOAD_BYTES,
    kind: str = "exfiltration",
) -> InjectedAttack:  # fmt: skip
    """Upload UPLOADS files of about `size` bytes to a new peer within two hours."""
    at = scene.before_end(seconds_after(first, rng.normal(UPLOAD_SPACING_SECONDS, 40, UPLOADS)), 3_600)
    return InjectedAttack(kind, host, connect(rng, _upload(size), at, np.array(host), np.array(peer)))


def slow_growth(rng: np.random.Generator, scene: Scene, host: int, peer: int, days: int) -> InjectedAttack:
    """Upload to a peer in the working hours of the last `days` days, each day a tenth more than the day before."""
    parts: list[Connections] = []
    for number in range(days):
        kind = _upload(FIRST_DAY_BYTES * GROWTH**number / PARTS)
        at = scene.instant(number - days, 8) + rng.integers(0, 9 * 3_600 * SECOND_MICROSECONDS, PARTS)
        parts.append(connect(rng, kind, np.sort(at), np.array(host), np.array(peer)))
    return InjectedAttack("slow_growth", host, Connections.joined(parts), facts={"growth_per_day": GROWTH})
