"""The traffic of the synthetic network, generated from a seed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import DAY, Interval, floor_to, format_instant, parse_instant
from ndr.contract.wording import counted
from ndr.local.traffic.activities import ACTIVITIES, seat_activity
from ndr.local.traffic.attacks import InjectedAttack, Scene, all_kinds, two_attacks
from ndr.local.traffic.calendar import Calendar
from ndr.local.traffic.conn_log import write_conn_logs
from ndr.local.traffic.connections import Connections
from ndr.local.traffic.inventory import write_inventory
from ndr.local.traffic.network import SyntheticNetwork, build_network

DEFAULT_END: Final = "2026-02-01T00:00:00Z"
MAX_HOSTS: Final = 1_000
GROUND_TRUTH: Final = "ground_truth.json"

Choice = Callable[[np.random.Generator, Scene], list[InjectedAttack]]
ATTACKS: Final[Mapping[str, Choice]] = {"two": two_attacks, "all": all_kinds, "none": lambda rng, scene: []}
"""Which attacks to inject: the demo's two, every kind once, or none. The usual traffic of a seed is the same."""


@dataclass(frozen=True)
class Simulation:
    """The traffic of a network: connections in order of their start, and what the ground truth says."""

    calendar: Calendar
    network: SyntheticNetwork
    connections: Connections
    ground_truth: dict[str, Any]


@dataclass(frozen=True)
class GeneratedTraffic:
    """The written files (logs in order of time, inventory, ground truth), the number of connections, the interval."""

    logs: tuple[Path, ...]
    inventory: Path
    ground_truth: Path
    connections: int
    interval: Interval


def simulate(
    days: int = 35, hosts: int = 45, seed: int = 7, end: datetime | None = None, attacks: str = "two"
) -> Simulation:
    """Simulate a network. As with Zeek, a connection that is still open at `end` is not logged.

    Parameters
    ----------
    days, hosts : int
        Number of days and of workstations. Printers, virtual desktops and rates follow from the workstations.
    seed : int
        Seed of the random generator.
    end : datetime, optional
        Midnight UTC at which the traffic ends, 2026-02-01 by default.
    attacks : str
        One of ATTACKS.

    Raises
    ------
    InvalidRequestError
        `days` below 1, `hosts` outside 4 to 1,000, a negative seed, an `end` that is not midnight UTC, unknown attacks,
        or too few days or hosts for every kind.
    """
    end = end or parse_instant(DEFAULT_END)
    _check(days, hosts, seed, end, attacks)
    streams = [np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(len(ACTIVITIES) + 3)]
    calendar = Calendar.ending(end, days)
    network = build_network(streams[0], calendar, hosts)
    active = seat_activity(streams[1], calendar, network)
    injected = ATTACKS[attacks](streams[2], Scene(calendar, network))
    usual = Connections.joined(
        [
            activity(rng, calendar, network, active)
            for activity, rng in zip(ACTIVITIES.values(), streams[3:], strict=True)
        ]
    )
    usual = usual.take(usual.orig != usual.resp)  # what a machine sends itself is not on the wire
    for silent in injected:
        usual = _without(usual, silent)
        injected = [replace(attack, connections=_without(attack.connections, silent)) for attack in injected]
    everything = Connections.joined([usual, *(attack.connections for attack in injected)])
    ground_truth = {
        "seed": seed,
        "start": format_instant(calendar.interval.start),
        "end": format_instant(end),
        "attacks": [attack.ground_truth(network) for attack in injected],
    }
    return Simulation(calendar, network, everything.take(everything.end < calendar.end), ground_truth)


def _without(connections: Connections, silent: InjectedAttack) -> Connections:
    """Return the connections that are left when an attack has silenced its hosts."""
    of_host = np.isin(connections.orig, silent.silenced) | np.isin(connections.resp, silent.silenced)
    return connections.take(~of_host | (connections.start < silent.since))


def generate(
    out: Path, days: int = 35, hosts: int = 45, seed: int = 7, end: datetime | None = None, attacks: str = "two"
) -> GeneratedTraffic:
    """Write the traffic of a network: daily Zeek conn logs, ``inventory.csv`` and ``ground_truth.json``.

    The same arguments write the same bytes. They are those of `simulate`, beside the folder `out`, which is created if
    it is missing.

    Raises
    ------
    InvalidRequestError
        As of `simulate`.
    """
    simulated = simulate(days, hosts, seed, end, attacks)
    out.mkdir(parents=True, exist_ok=True)
    uids = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0xC0,)))
    logs = write_conn_logs(out, simulated.connections, simulated.network, simulated.calendar, uids)
    write_inventory(out / "inventory.csv", simulated.network.inventory, simulated.calendar)
    (out / GROUND_TRUTH).write_text(json.dumps(simulated.ground_truth, indent=2) + "\n", encoding="utf-8")
    return GeneratedTraffic(
        logs=tuple(logs),
        inventory=out / "inventory.csv",
        ground_truth=out / GROUND_TRUTH,
        connections=len(simulated.connections),
        interval=simulated.calendar.interval,
    )


def _check(days: int, hosts: int, seed: int, end: datetime, attacks: str) -> None:
    if days < 1:
        raise InvalidRequestError(f"days is {days}: traffic takes at least one day, for instance 35.")
    if not 4 <= hosts <= MAX_HOSTS:
        raise InvalidRequestError(f"hosts is {hosts}: the network has 4 to {MAX_HOSTS} workstations, for instance 45.")
    if seed < 0:
        raise InvalidRequestError(f"seed is {seed}: a seed is 0 or more, for instance 7.")
    if floor_to(end, DAY) != end:
        raise InvalidRequestError(f"end is {format_instant(end)}: traffic ends at midnight UTC, as {DEFAULT_END}.")
    if attacks not in ATTACKS:
        raise InvalidRequestError(f"attacks is {attacks!r}; write {', '.join(ATTACKS)}.")
    if attacks == "all" and (days < 12 or hosts < 24):
        raise InvalidRequestError(
            f"attacks is all, with {counted(days, 'day')} and {hosts} workstations: every kind takes at least "
            f"12 days and 24."
        )
