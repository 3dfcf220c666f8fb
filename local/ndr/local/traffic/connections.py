"""Connections as arrays, and the distributions of each kind of connection."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from ndr.contract.time import SECOND_MICROSECONDS

PROTOCOLS = ("tcp", "udp", "icmp")
SERVICES = ("-", "dns", "ssl", "http", "smb", "krb_tcp", "ldap_tcp", "ssh", "ntp", "imap", "ipp")
STATES = ("SF", "S0", "S1", "S3", "REJ", "RSTO", "RSTR", "OTH")
UNSET = -1
LONGEST_SECONDS = 10 * 3_600.0

_TCP_ENDINGS = {"SF": 0.90, "RSTO": 0.05, "RSTR": 0.025, "S1": 0.015, "S3": 0.01}


@dataclass(frozen=True)
class Connections:
    """Connections, one array element each.

    `start` and `duration` are microseconds. `duration` and both byte counts are UNSET where Zeek saw a single packet.
    `orig` and `resp` index the network's addresses. `protocol`, `service` and `state` index the tuples above.
    """

    start: np.ndarray
    duration: np.ndarray
    orig: np.ndarray
    orig_port: np.ndarray
    resp: np.ndarray
    resp_port: np.ndarray
    protocol: np.ndarray
    service: np.ndarray
    orig_bytes: np.ndarray
    resp_bytes: np.ndarray
    state: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    @property
    def end(self) -> np.ndarray:
        """End of each connection, microseconds since the epoch. Zeek logs a connection at its end."""
        return self.start + np.maximum(self.duration, 0)

    def take(self, index: np.ndarray) -> "Connections":
        """Return the connections that an index array or a mask selects."""
        return Connections(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    @classmethod
    def joined(cls, parts: Iterable["Connections"]) -> "Connections":
        """Concatenate the parts in order."""
        several = list(parts)
        return cls(
            **{field.name: np.concatenate([getattr(part, field.name) for part in several]) for field in fields(cls)}
        )


@dataclass(frozen=True)
class LogNormal:
    """A log-normal quantity: its median, and the standard deviation of its logarithm."""

    median: float
    sigma: float

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        return self.median * np.exp(self.sigma * rng.standard_normal(count))


@dataclass(frozen=True)
class Kind:
    """A kind of connection: bytes in each direction, duration in seconds, and the share of failed attempts."""

    protocol: str
    port: int
    service: str
    sent: LogNormal
    received: LogNormal
    seconds: LogNormal
    failing: float = 0.01


def connect(
    rng: np.random.Generator,
    kind: Kind,
    start: np.ndarray,
    orig: np.ndarray,
    resp: np.ndarray,
    resp_port: np.ndarray | None = None,
) -> Connections:
    """Draw one connection for each element of `start`. Originators and responders are broadcast to its length."""
    count = len(start)
    state = _states(rng, kind, count)
    sent = kind.sent.draw(rng, count).astype(np.int64)
    received = kind.received.draw(rng, count).astype(np.int64)
    seconds = np.clip(kind.seconds.draw(rng, count), 1 / SECOND_MICROSECONDS, LONGEST_SECONDS)
    duration = (seconds * SECOND_MICROSECONDS).astype(np.int64)
    refused, unanswered = state == STATES.index("REJ"), state == STATES.index("S0")
    silent = unanswered & (kind.protocol == "tcp")
    nothing = refused | unanswered
    icmp = kind.protocol == "icmp"
    return Connections(
        start=start.astype(np.int64),
        duration=np.where(nothing, np.where(refused, duration % 5_000 + 50, UNSET), duration),
        orig=np.broadcast_to(orig, count).astype(np.int32),
        orig_port=np.full(count, kind.port) if icmp else rng.integers(49152, 65536, count),
        resp=np.broadcast_to(resp, count).astype(np.int32),
        resp_port=np.full(count, 0 if icmp else kind.port) if resp_port is None else resp_port,
        protocol=np.full(count, PROTOCOLS.index(kind.protocol), np.int8),
        service=np.where(nothing, 0, SERVICES.index(kind.service)).astype(np.int8),
        orig_bytes=np.where(silent, UNSET, np.where(refused, 0, sent)),
        resp_bytes=np.where(silent, UNSET, np.where(nothing, 0, received)),
        state=state,
    )


def _states(rng: np.random.Generator, kind: Kind, count: int) -> np.ndarray:
    if kind.protocol == "icmp":
        return np.full(count, STATES.index("OTH"), np.int8)
    if kind.protocol == "udp":
        chances = {"SF": 1 - kind.failing, "S0": kind.failing}
    else:
        chances = {state: share * (1 - kind.failing) for state, share in _TCP_ENDINGS.items()}
        chances |= {"S0": kind.failing / 2, "REJ": kind.failing / 2}
    codes = np.array([STATES.index(state) for state in chances], np.int8)
    limits = np.cumsum(list(chances.values()))
    return codes[np.minimum(np.searchsorted(limits, rng.random(count), side="right"), len(codes) - 1)]
