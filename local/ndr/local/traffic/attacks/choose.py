"""Which attacks a network gets: the demo's two, or every kind once."""

from typing import Final

import numpy as np

from ndr.contract.time import DAY_MICROSECONDS
from ndr.local.traffic.attacks.attack import InjectedAttack, Scene
from ndr.local.traffic.attacks.beacon import beacon
from ndr.local.traffic.attacks.discovery import internal_scan, smb_sweep
from ndr.local.traffic.attacks.exfiltration import burst, slow_growth
from ndr.local.traffic.attacks.lateral_movement import lateral_movement
from ndr.local.traffic.attacks.presence import dormant_wakes, falls_silent

BEACON_SECONDS, BEACON_JITTER = 300.0, 0.07
BEACON_LENGTH = 36 * 3_600 * 10**6
EXFILTRATION_HOUR = 1.3
ALL_KINDS: Final = (
    "beacon",
    "slow_beacon",
    "six_hour_beacon",
    "exfiltration",
    "slow_growth",
    "internal_scan",
    "smb_sweep",
    "lateral_movement",
    "dormant_wakes",
    "falls_silent",
)
"""The kinds that `all_kinds` injects. A beacon's interval is up to 10 minutes, a slow one's up to 2 hours."""
GROWTH_DAYS = 20
ATTACKED_DAYS = 9
"""The attacks, other than slow growth, begin in the last days of the traffic."""


def two_attacks(rng: np.random.Generator, scene: Scene) -> list[InjectedAttack]:
    """Inject a beacon in the last 36 hours, and an exfiltration in the last night.

    An always-on workstation calls an external host every five minutes; in fewer than four and a half days of traffic,
    for the last third. Another workstation, neither the beacon's nor the administrator's, uploads gigabytes.
    """
    calendar, network = scene.calendar, scene.network
    calling = int(np.flatnonzero(network.always_on)[-1])
    first = calendar.end - min(BEACON_LENGTH, calendar.days * DAY_MICROSECONDS // 3)
    uploading = len(network.workstations) // 2
    if network.always_on[uploading] or uploading == 0:
        uploading += 1
    caller, uploader = int(network.workstations[calling]), int(network.workstations[uploading])
    return [
        beacon(rng, scene, caller, network.beacon_peer, first, BEACON_SECONDS, BEACON_JITTER),
        burst(rng, scene, uploader, network.exfiltration_peer, scene.instant(-1, EXFILTRATION_HOUR)),
    ]


def all_kinds(rng: np.random.Generator, scene: Scene) -> list[InjectedAttack]:
    """Inject every kind once, each on a workstation of its own (but the dormant server), at times of its own.

    The interval of a beacon is log-uniform: 1 to 10 minutes, 10 minutes to 2 hours, and 6 hours; its jitter is uniform
    up to 50 %. Beacons run to the end of the traffic.
    """
    calendar, network = scene.calendar, scene.network
    numbers = np.arange(1, len(network.workstations) - 1)  # neither the administrator's nor the newest
    always_on = rng.permutation(numbers[network.always_on[numbers]])
    others = rng.permutation(numbers[~network.always_on[numbers]])
    always, other = (iter(network.workstations[of].tolist()) for of in (always_on[:-1], others))
    peers = iter(network.attackers[2:].tolist())

    def at(hours: tuple[float, float], days: tuple[int, int]) -> int:
        return scene.instant(-int(rng.integers(days[0], days[1] + 1)), rng.uniform(*hours))

    def calls(kind: str, seconds: tuple[float, float], days: tuple[int, int]) -> InjectedAttack:
        interval = float(np.exp(rng.uniform(*np.log(seconds))))
        first, jitter = at((0, 24), days), rng.uniform(0, 0.5)
        return beacon(rng, scene, next(always), next(peers), first, interval, jitter, kind)

    late = (2, ATTACKED_DAYS)
    return [
        calls("beacon", (60, 600), (3, ATTACKED_DAYS)),
        calls("slow_beacon", (600, 7_200), (3, ATTACKED_DAYS)),
        calls("six_hour_beacon", (21_600, 21_600), (ATTACKED_DAYS, ATTACKED_DAYS)),
        burst(rng, scene, next(other), next(peers), at((0, 20), late), rng.uniform(3e7, 2e8)),
        slow_growth(rng, scene, next(other), next(peers), min(GROWTH_DAYS, calendar.days)),
        internal_scan(rng, scene, next(other), at((0, 22), late)),
        smb_sweep(rng, scene, next(always), at((0, 24), late)),
        lateral_movement(rng, scene, next(other), at((0, 20), late)),
        dormant_wakes(rng, scene, next(peers), -int(rng.integers(*late)), rng.uniform(0, 18)),
        falls_silent(scene, int(always_on[-1]), at((0, 24), (4, ATTACKED_DAYS))),
    ]
