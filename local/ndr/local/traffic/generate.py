"""The office's traffic from a seed."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import DAY, Interval, floor_to, format_instant, parse_instant
from ndr.local.traffic.activities import ACTIVITIES, people
from ndr.local.traffic.calendar import Calendar
from ndr.local.traffic.conn_log import write_conn_logs
from ndr.local.traffic.connections import Connections
from ndr.local.traffic.inventory import write_inventory
from ndr.local.traffic.office import build_office
from ndr.local.traffic.planted import plant_beacon, plant_exfiltration

DEFAULT_END: Final = "2026-02-01T00:00:00Z"
MAX_HOSTS: Final = 1_000


@dataclass(frozen=True)
class GeneratedTraffic:
    """What was written: the logs in order, the inventory, the truth, and how many connections over what time."""

    logs: tuple[Path, ...]
    inventory: Path
    truth: Path
    connections: int
    interval: Interval


def generate(
    out: Path, days: int = 35, hosts: int = 45, seed: int = 7, end: datetime | None = None
) -> GeneratedTraffic:
    """Write an office's traffic: daily Zeek conn logs, ``inventory.csv`` and ``truth.json``.

    The same arguments write the same bytes. A connection still open at `end` is not logged, as Zeek's would not be.

    Parameters
    ----------
    out : Path
        A folder, made if missing.
    days, hosts : int
        Days of traffic, and workstations; printers, virtual desktops and rates follow from the latter.
    seed : int
        Seed of every draw.
    end : datetime, optional
        The midnight UTC that ends the traffic; 2026-02-01 by default.

    Raises
    ------
    InvalidRequestError
        `days` below 1, `hosts` outside 4 to 1,000, a negative seed, or an `end` that is not midnight UTC.
    """
    end = end or parse_instant(DEFAULT_END)
    _check(days, hosts, seed, end)
    streams = iter(np.random.SeedSequence(seed).spawn(len(ACTIVITIES) + 5))
    calendar = Calendar.ending(end, days)
    office = build_office(np.random.default_rng(next(streams)), calendar, hosts)
    active = people(np.random.default_rng(next(streams)), calendar, office)
    planted = [plant(np.random.default_rng(next(streams)), calendar, office)
               for plant in (plant_beacon, plant_exfiltration)]  # fmt: skip
    usual = [activity(np.random.default_rng(next(streams)), calendar, office, active)
             for activity in ACTIVITIES.values()]  # fmt: skip
    everything = Connections.joined([*usual, *(each.connections for each in planted)])
    logged = everything.take(everything.end < calendar.end)

    out.mkdir(parents=True, exist_ok=True)
    logs = write_conn_logs(out, logged, office, calendar, np.random.default_rng(next(streams)))
    write_inventory(out / "inventory.csv", office.inventory, calendar)
    truth = {"seed": seed, "start": format_instant(calendar.interval.start), "end": format_instant(end)}
    text = json.dumps({**truth, "planted": [each.truth for each in planted]}, indent=2)
    (out / "truth.json").write_text(text + "\n", encoding="utf-8")
    return GeneratedTraffic(tuple(logs), out / "inventory.csv", out / "truth.json", len(logged), calendar.interval)


def _check(days: int, hosts: int, seed: int, end: datetime) -> None:
    if days < 1:
        raise InvalidRequestError(f"days is {days}: traffic takes at least one day, for instance 35.")
    if not 4 <= hosts <= MAX_HOSTS:
        raise InvalidRequestError(f"hosts is {hosts}: an office has 4 to {MAX_HOSTS} workstations, for instance 45.")
    if seed < 0:
        raise InvalidRequestError(f"seed is {seed}: a seed is 0 or more, for instance 7.")
    if floor_to(end, DAY) != end:
        raise InvalidRequestError(f"end is {format_instant(end)}: traffic ends at midnight UTC, as {DEFAULT_END}.")
