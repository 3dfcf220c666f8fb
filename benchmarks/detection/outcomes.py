"""How high attacks rank: from the day's rankings and the ground truth to found, rank and false findings above."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final

from ndr.contract.time import DAY, Interval, floor_to, parse_instant

TOP: Final = 10
HostKey = tuple[str]
PairKey = tuple[str, str] | tuple[str, str, int]
Key = HostKey | PairKey
"""A host; a source and its destination, with or without the port."""


@dataclass(frozen=True)
class Attack:
    """An injected attack: its host, its peers and ports, and its time.

    `start` is the first instant at which it could be noticed: of a dormant machine, when it woke.
    """

    kind: str
    host: str
    peers: frozenset[str]
    ports: frozenset[int]
    start: datetime
    end: datetime
    facts: Mapping[str, Any]

    @classmethod
    def of(cls, record: Mapping[str, Any], end_of_traffic: datetime) -> Attack:
        """Read an attack of the ground truth. A silent host is silent to the end of the traffic."""
        last = parse_instant(record["last"]) + timedelta(seconds=1)
        end = end_of_traffic if record["kind"] == "falls_silent" else last
        start = parse_instant(record.get("woke", record["first"]))
        facts = {name: record[name] for name in ("interval_seconds", "jitter", "payload_bytes_sent") if name in record}
        peers, ports = frozenset(record["peer_ips"]), frozenset(record["peer_ports"])
        return cls(record["kind"], record["host_ip"], peers, ports, start, end, facts)

    def is_on(self, day: Interval) -> bool:
        """Tell whether any of it happens on the day."""
        return self.start < day.end and day.start < self.end

    def number_of(self, day: Interval) -> int:
        """Return which of its days it is, from 1."""
        return 1 + (day.start - floor_to(self.start, DAY)) // DAY

    def is_near(self, day: Interval) -> bool:
        """Tell whether windows of 24 hours that end on the day can see any of it."""
        return self.start < day.end and day.start < floor_to(self.end, DAY) + 2 * DAY

    def is_its(self, key: Key) -> bool:
        """Tell whether a ranked host or pair is this attack's: its host, or its host with one of its peers."""
        if key[0] != self.host:
            return False
        return len(key) == 1 or (key[1] in self.peers and (len(key) == 2 or key[2] in self.ports))

    def concerns(self, key: Key) -> bool:
        """Tell whether a ranked host or pair would lead an analyst to the attack: its host, or a machine it touched."""
        touched = {self.host, *(peer for peer in self.peers if ip_address(peer).is_private)}
        return key[0] in touched or (len(key) > 1 and key[1] in touched | self.peers)


@dataclass(frozen=True)
class Ranked:
    """A row of a day's ranking."""

    key: Key
    score: float


@dataclass(frozen=True)
class Place:
    """The place of an attack in a ranking: its rank from 1, ties shared, and how many false rows are above it."""

    rank: float
    false_above: int


def place(attack: Attack, ranking: Sequence[Ranked], attacks: Iterable[Attack], day: Interval) -> Place | None:
    """Return the place of an attack in one day's ranking, without the rows that an attack explains and are not its.

    It is None where the attack has no row.
    """
    own = [row.score for row in ranking if attack.is_its(row.key)]
    if not own:
        return None
    best = max(own)
    near = [other for other in {id(each): each for each in (attack, *attacks)}.values() if other.is_near(day)]
    above, ties = 0, 0
    for row in ranking:
        if row.score >= best and not any(other.concerns(row.key) for other in near):
            above += row.score > best
            ties += row.score == best
    return Place(1 + above + ties / 2, above)


def best_place(
    attack: Attack, rankings: Mapping[Interval, Sequence[Sequence[Ranked]]], attacks: Sequence[Attack]
) -> tuple[Place, Interval] | None:
    """Return the best place of an attack in any ranking of any of its days, and that day; None where it has no row."""
    places = [
        (found, day)
        for day, of_day in rankings.items()
        if attack.is_on(day)
        for ranking in of_day
        if (found := place(attack, ranking, attacks, day))
    ]
    return min(places, key=lambda one: (one[0].rank, one[1].start), default=None)


def false_rows(ranking: Sequence[Ranked], attacks: Sequence[Attack], day: Interval) -> list[Ranked]:
    """Return the rows that no attack explains, in the ranking's order."""
    near = [attack for attack in attacks if attack.is_near(day)]
    return [row for row in ranking if not any(attack.concerns(row.key) for attack in near)]


def by_chance(attack: Attack, of_hosts: Mapping[Interval, Sequence[Ranked]], attacks: Sequence[Attack]) -> float:
    """Return the share of hosts without an attack that are among the ten on any of an attack's days."""
    top: set[Key] = set()
    every: set[Key] = set()
    for day, ranking in of_hosts.items():
        if attack.is_on(day):
            false = [row.key for row in false_rows(ranking, attacks, day)]
            every |= set(false)
            top |= set(false[:TOP])
    return len(top) / len(every) if every else 0.0
