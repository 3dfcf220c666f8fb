"""Machines of several kinds that share a DHCP pool, their flows, and their leases."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import INTEGRATION
from ndr.contract.time import SLICE, Interval, microseconds
from ndr.store.schema import arrow_schema

NETWORK: Final = "10.20.0.0/16"
"""The internal network, which has all machines and none of the servers that they call."""

_SERVERS: Final = 10_000
"""Servers outside: so many that few machines share one."""
_HOUR: Final = 3_600_000_000
_SIZE_SIGMA: Final = 0.2
"""Standard deviation of the logarithm of a flow's bytes."""
_LEVEL_SIGMA: Final = 0.7
"""The same of the machines of a kind: they differ more from each other than from their own days."""


@dataclass(frozen=True)
class Kind:
    """What the machines of a kind do.

    Attributes
    ----------
    share : float
        Of all machines.
    flows : float
        In an hour in which the machine is busy.
    sent, received : float
        Median bytes of a flow.
    peers : int
        Servers that a machine calls.
    hours : tuple of int
        From when to when it is busy, UTC.
    denied : float
        Share of its flows that the firewall denies.
    """

    name: str
    share: float
    flows: float
    sent: float
    received: float
    peers: int
    hours: tuple[int, int] = (0, 24)
    denied: float = 0.0


KINDS: Final = (
    Kind("pc", 0.25, 12.0, 8e3, 150e3, 8, (7, 19)),
    Kind("phone", 0.15, 4.0, 2e3, 2e3, 2),
    Kind("camera", 0.15, 6.0, 16e6, 4e3, 1),
    Kind("signage", 0.15, 6.0, 4e3, 8e6, 2),
    Kind("probe", 0.15, 15.0, 500.0, 500.0, 40),
    Kind("sensor", 0.15, 10.0, 1e3, 1e3, 3, denied=0.6),
)


@dataclass(frozen=True)
class Machine:
    """A machine: how its flows differ from those of its kind, and the servers that it calls."""

    name: str
    kind: Kind
    level: float
    peers: tuple[str, ...]


def _server(number: int) -> str:
    return f"198.18.{number // 250}.{number % 250 + 1}"


def machines_of(count: int, seed: int) -> list[Machine]:
    """Return machines of each kind, in no order of kinds."""
    rng = np.random.default_rng(seed)
    bounds = np.cumsum([kind.share for kind in KINDS])
    kinds = [KINDS[int(np.searchsorted(bounds, (number + 0.5) / count))] for number in range(count)]
    machines = []
    for number, place in enumerate(rng.permutation(count), start=1):
        kind = kinds[place]
        peers = tuple(map(_server, rng.choice(_SERVERS, kind.peers, replace=False).tolist()))
        level = float(np.exp(_LEVEL_SIGMA * rng.standard_normal()))
        machines.append(Machine(f"{kind.name.upper()}-{number:03d}", kind, level, peers))
    return machines


def addresses_on(day: int, machines: list[Machine], rotating: int) -> list[str]:
    """Return the address of each machine on a day.

    The first ones share a segment, of all kinds, and pass their addresses on at each midnight. The others keep theirs,
    in a segment of their kind.
    """
    kinds = [kind.name for kind in KINDS]
    pool = [f"10.20.0.{(number + day) % rotating + 10}" for number in range(rotating)]
    fixed = [f"10.20.{kinds.index(each.kind.name) + 1}.{number + 1}" for number, each in enumerate(machines)]
    return [*pool, *fixed[rotating:]]


def flows_of(machines: list[Machine], addresses: list[str], day: Interval, seed: int) -> pa.Table:
    """Return the flows of a day in the integration schema."""
    rng = np.random.default_rng(seed)
    parts = [_flows(machine, source, day, rng) for machine, source in zip(machines, addresses, strict=True)]
    return pa.concat_tables(parts)


def _flows(machine: Machine, source: str, day: Interval, rng: np.random.Generator) -> pa.Table:
    kind = machine.kind
    first, last = kind.hours
    count = int(rng.poisson(kind.flows * (last - first)))
    starts = microseconds(day.start) + (rng.uniform(first, last, count) * _HOUR).astype(np.int64)
    starts.sort()
    sizes = machine.level * np.exp(_SIZE_SIGMA * rng.standard_normal((2, count)))
    texts = {
        "source_ip": source,
        "event_name": "TRAFFIC",
        "event_reason": "tcp-fin",
        "network_transport": "tcp",
    }
    peers = rng.integers(0, len(machine.peers), count)
    denied = rng.random(count) < kind.denied
    columns = {
        "destination_ip": pa.array(machine.peers, pa.string()).take(pa.array(peers)),
        "source_port": pa.array(rng.integers(49_152, 65_536, count)),
        "destination_port": pa.array(np.full(count, 443)),
        "source_bytes": pa.array((kind.sent * sizes[0]).astype(np.int64)),
        "destination_bytes": pa.array(np.where(denied, 0, kind.received * sizes[1]).astype(np.int64)),
        "event_action": pa.array(np.where(denied, "deny", "allow"), pa.string()),
        "event_start": pa.array(starts).cast(pa.timestamp("us", "UTC")),
        "event_end": pa.array(starts + 1_000_000).cast(pa.timestamp("us", "UTC")),
        **{name: pa.repeat(text, count) for name, text in texts.items()},
    }
    schema = arrow_schema(INTEGRATION)
    return pa.table([columns[name] for name in schema.names], schema.names).cast(schema)


def dhcp_log(machines: list[Machine], addresses: list[str], day: Interval) -> bytes:
    """Return a DHCP log in which machines get their addresses at midnight, and renew them at noon."""
    length = (day.end - day.start).total_seconds()
    records = [
        {
            "ts": (day.start + late).timestamp(),
            "mac": f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}",
            "host_name": machine.name,
            "assigned_addr": address,
            "lease_time": length / 2 + 1,
            "msg_types": ["REQUEST", "ACK"],
        }
        for number, (machine, address) in enumerate(zip(machines, addresses, strict=True))
        for late in (0 * SLICE, 48 * SLICE)
    ]
    return "".join(json.dumps(record) + "\n" for record in records).encode()
