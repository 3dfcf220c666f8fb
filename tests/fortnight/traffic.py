"""The traffic of a small network, slice by slice, as rows of the integration schema."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np

from ndr.contract.time import SLICE, Interval

ROWS_A_SLICE: Final = 12
HOSTS: Final = 6
PEERS: Final = 40
MACHINES: Final = {"10.0.0.2": "srv-2", "10.0.1.3": "VDI-3", "10.0.0.4": "ws-4", "2001:db8::5": "ws-5"}
"""Address to name of the machines that the inventory knows."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Traffic:
    """Rows of some hours, the same for the same seed."""

    start: datetime
    hours: int
    seed: int

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.start + timedelta(hours=self.hours))

    @cached_property
    def slices(self) -> tuple[Interval, ...]:
        return tuple(self.interval.steps(SLICE))

    def rows(self, each: Interval) -> list[Row]:
        """Return the rows whose sessions start in a slice."""
        number = (each.start - self.start) // SLICE
        rng = np.random.default_rng([self.seed, number])
        starts = np.sort(rng.uniform(0, SLICE.total_seconds(), ROWS_A_SLICE))
        return [_row(rng, each.start + timedelta(seconds=float(offset))) for offset in starts]


def lines(rows: Iterable[Row]) -> bytes:
    """Write rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _row(rng: np.random.Generator, start: datetime) -> Row:
    host = int(rng.integers(HOSTS))
    long = rng.random() < 0.02  # a connection that is open for hours
    return {
        "source_ip": "2001:db8::5" if host == 5 else f"10.0.{host % 2}.{host}",
        "source_port": int(rng.integers(1024, 65536)),
        "destination_ip": f"192.0.2.{int(rng.zipf(1.6)) % PEERS}",
        "destination_port": int(rng.choice([53, 80, 443, 445, 3389])),
        "source_bytes": int(rng.lognormal(6, 2)),
        "destination_bytes": int(rng.choice([0, 1])) * int(rng.lognormal(7, 2)),
        "event_start": start.timestamp(),
        "event_end": start.timestamp() + float(rng.exponential(20_000 if long else 20)),
        "event_action": str(rng.choice(["allow", "deny", "drop", "alert"], p=[0.8, 0.1, 0.05, 0.05])),
        "event_name": str(rng.choice(["TRAFFIC", "THREAT"], p=[0.97, 0.03])),
        "event_reason": str(rng.choice(["tcp-fin", "tcp-rst-from-server", "aged-out"])),
        "network_transport": str(rng.choice(["tcp", "udp", "icmp"], p=[0.7, 0.25, 0.05])),
    }
