"""The traffic of the synthetic network, generated from a seed."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import DAY, Interval, floor_to, format_instant, parse_instant
from ndr.local.traffic.activities import ACTIVITIES, seat_activity
from ndr.local.traffic.attacks import inject_beacon, inject_exfiltration
from ndr.local.traffic.calendar import Calendar
from ndr.local.traffic.conn_log import write_conn_logs
from ndr.local.traffic.connections import Connections
from ndr.local.traffic.inventory import write_inventory
from ndr.local.traffic.network import build_network

DEFAULT_END: Final = "2026-02-01T00:00:00Z"
MAX_HOSTS: Final = 1_000
GROUND_TRUTH: Final = "ground_truth.json"


@dataclass(frozen=True)
class GeneratedTraffic:
    """The written files (logs in order of time, inventory, ground truth), the number of connections, the interval."""

    logs: tuple[Path, ...]
    inventory: Path
    ground_truth: Path
    connections: int
    interval: Interval


def generate(
    out: Path, days: int = 35, hosts: int = 45, seed: int = 7, end: datetime | None = None
) -> GeneratedTraffic:
    """Write the traffic of a synthetic network: daily Zeek conn logs, ``inventory.csv`` and ``ground_truth.json``.

    The same arguments write the same bytes. As with Zeek, a connection that is still open at `end` is not logged.

    Parameters
    ----------
    out : Path
        Output folder, created if missing.
    days, hosts : int
        Number of days and of workstations. Printers, virtual desktops and rates follow from the workstations.
    seed : int
        Seed of the random generator.
    end : datetime, optional
        Midnight UTC at which the traffic ends, 2026-02-01 by default.

    Raises
    ------
    InvalidRequestError
        `days` below 1, `hosts` outside 4 to 1,000, a negative seed, or an `end` that is not midnight UTC.
    """
    end = end or parse_instant(DEFAULT_END)
    _check(days, hosts, seed, end)
    streams = iter(np.random.SeedSequence(seed).spawn(len(ACTIVITIES) + 5))
    calendar = Calendar.ending(end, days)
    network = build_network(np.random.default_rng(next(streams)), calendar, hosts)
    active = seat_activity(np.random.default_rng(next(streams)), calendar, network)
    attacks = [inject(np.random.default_rng(next(streams)), calendar, network)
               for inject in (inject_beacon, inject_exfiltration)]  # fmt: skip
    usual = [activity(np.random.default_rng(next(streams)), calendar, network, active)
             for activity in ACTIVITIES.values()]  # fmt: skip
    everything = Connections.joined([*usual, *(attack.connections for attack in attacks)])
    logged = everything.take(everything.end < calendar.end)

    out.mkdir(parents=True, exist_ok=True)
    logs = write_conn_logs(out, logged, network, calendar, np.random.default_rng(next(streams)))
    write_inventory(out / "inventory.csv", network.inventory, calendar)
    ground_truth = {
        "seed": seed,
        "start": format_instant(calendar.interval.start),
        "end": format_instant(end),
        "attacks": [attack.ground_truth for attack in attacks],
    }
    (out / GROUND_TRUTH).write_text(json.dumps(ground_truth, indent=2) + "\n", encoding="utf-8")
    return GeneratedTraffic(tuple(logs), out / "inventory.csv", out / GROUND_TRUTH, len(logged), calendar.interval)


def _check(days: int, hosts: int, seed: int, end: datetime) -> None:
    if days < 1:
        raise InvalidRequestError(f"days is {days}: traffic takes at least one day, for instance 35.")
    if not 4 <= hosts <= MAX_HOSTS:
        raise InvalidRequestError(f"hosts is {hosts}: the network has 4 to {MAX_HOSTS} workstations, for instance 45.")
    if seed < 0:
        raise InvalidRequestError(f"seed is {seed}: a seed is 0 or more, for instance 7.")
    if floor_to(end, DAY) != end:
        raise InvalidRequestError(f"end is {format_instant(end)}: traffic ends at midnight UTC, as {DEFAULT_END}.")
