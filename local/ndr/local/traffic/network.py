"""The synthetic network: machines, addresses, and external peers.

Every address is from a range reserved for documentation, benchmarks or private use (RFC 1918, 2544, 3849, 5737).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import numpy as np

from ndr.local.traffic.calendar import Calendar

SERVERS = ("dc01", "dns01", "files01", "mail01", "db01", "app01", "backup01", "wsus01", "monitor01")
NETWORKS = ("10.20.0.0/16", "198.51.100.0/24", "2001:db8:20::/48")
"""The internal networks. They contain every machine of the inventory and no external peer."""

_WORKSTATIONS_PER_SEGMENT = 20
_SITES, _SITES_V6, _SCANNERS = 1_200, 400, 1_500


@dataclass(frozen=True)
class Machine:
    """A row of the inventory: an address, the machine that has or last had it, and its first and last day of use."""

    address: str
    name: str
    environment: str
    first_day: int
    last_day: int


@dataclass(frozen=True)
class SyntheticNetwork:
    """The machines and peers. All arrays of machines hold indices into `addresses`.

    `workstations_v6` is -1 for a workstation without IPv6. `joined` is the first day of each workstation, `always_on`
    tells whether it runs at night. `vdi` has a row for each day and a column for each virtual desktop, because virtual
    desktops change their address daily; `laptops` likewise, with addresses that DHCP leases for a week. `unused` are
    internal addresses without a machine. `dormant` is a server that was switched off after the first days. Only the
    injected attacks contact `attackers`, of which the first two are `beacon_peer` and `exfiltration_peer`.
    """

    addresses: np.ndarray
    is_local: np.ndarray
    workstations: np.ndarray
    workstations_v6: np.ndarray
    joined: np.ndarray
    always_on: np.ndarray
    vdi: np.ndarray
    laptops: np.ndarray
    printers: np.ndarray
    servers: Mapping[str, int]
    web: int
    retired: int
    sites: np.ndarray
    sites_v6: np.ndarray
    scanners: np.ndarray
    resolvers: np.ndarray
    unused: np.ndarray
    dormant: int
    attackers: np.ndarray
    inventory: tuple[Machine, ...]

    @property
    def beacon_peer(self) -> int:
        return int(self.attackers[0])

    @property
    def exfiltration_peer(self) -> int:
        return int(self.attackers[1])

    @property
    def seats(self) -> np.ndarray:
        """Addresses of the seats, shape (days, seats): workstations, then virtual desktops, then laptops."""
        fixed = np.broadcast_to(self.workstations, (len(self.vdi), len(self.workstations)))
        return np.concatenate([fixed, self.vdi, self.laptops], axis=1)


class _AddressBook:
    def __init__(self) -> None:
        self.text: list[str] = []
        self.local: list[bool] = []

    def add(self, address: IPv4Address | IPv6Address, local: bool) -> int:
        self.text.append(str(address))
        self.local.append(local)
        return len(self.text) - 1

    def many(self, base: IPv4Address | IPv6Address, offsets: np.ndarray, local: bool) -> np.ndarray:
        return np.array([self.add(base + int(offset), local) for offset in offsets], np.int32)


def build_network(rng: np.random.Generator, calendar: Calendar, hosts: int) -> SyntheticNetwork:
    """Build a network of `hosts` workstations with a matching number of printers, virtual desktops and servers."""
    book = _AddressBook()
    seats = np.arange(hosts)
    floor, desk = seats // _WORKSTATIONS_PER_SEGMENT, seats % _WORKSTATIONS_PER_SEGMENT
    workstations = book.many(IPv4Address("10.20.1.0"), floor * 256 + 20 + desk, True)
    has_v6 = seats % 3 != 1
    v6 = book.many(IPv6Address("2001:db8:20::"), floor.astype(object) * 2**64 + (0x20 + desk), True)
    desktops = max(2, hosts // 4)
    pool = book.many(IPv4Address("10.20.100.50"), np.arange(desktops * 3), True)
    vdi = np.array([rng.choice(pool, desktops, replace=False) for _ in range(calendar.days)])
    laptops = _leased(rng, calendar, book.many(IPv4Address("10.20.60.20"), np.arange(2 * max(2, hosts // 8)), True))
    joined = np.zeros(hosts, np.int64)
    joined[-1] = max(0, calendar.days - 8)  # the newest machine is younger than the longest horizon
    servers = dict(zip(SERVERS, book.many(IPv4Address("10.20.10.5"), np.arange(len(SERVERS)), True), strict=True))
    printers = book.many(IPv4Address("10.20.50.10"), np.arange(max(1, hosts // 12)), True)
    web, retired = book.add(IPv4Address("198.51.100.10"), True), book.add(IPv4Address("10.20.10.99"), True)
    # Sites and scanners are in disjoint halves of 198.18.0.0/15. The peers of the attacks are outside both.
    sites = book.many(IPv4Address("198.18.0.0"), rng.choice(65_536, _SITES, replace=False), False)
    scanners = book.many(IPv4Address("198.19.0.0"), rng.choice(65_536, _SCANNERS, replace=False), False)
    sites_v6 = book.many(IPv6Address("2001:db8:ffff::"), rng.choice(2**31, _SITES_V6, replace=False), False)
    resolvers = book.many(IPv4Address("192.0.2.53"), np.array([0, 100]), False)
    unused = book.many(IPv4Address("10.20.1.0"), _without_machine(floor.max() + 1), True)
    dormant = book.add(IPv4Address("10.20.10.60"), True)
    attackers = book.many(IPv4Address("203.0.113.0"), np.array([77, 140, *range(10, 30)]), False)
    network = SyntheticNetwork(
        addresses=np.array(book.text, object),
        is_local=np.array(book.local),
        workstations=workstations,
        workstations_v6=np.where(has_v6, v6, -1),
        joined=joined,
        always_on=seats % 3 == 0,
        vdi=vdi,
        laptops=laptops,
        printers=printers,
        servers=servers,
        web=web,
        retired=retired,
        sites=sites,
        sites_v6=sites_v6,
        scanners=scanners,
        resolvers=resolvers,
        unused=unused,
        dormant=dormant,
        attackers=attackers,
        inventory=(),
    )
    return _with_inventory(network, calendar.days)


def _leased(rng: np.random.Generator, calendar: Calendar, pool: np.ndarray) -> np.ndarray:
    """Return each laptop's address on each day: DHCP gives half of the pool away, anew every Monday."""
    leases = [rng.permutation(pool)[: len(pool) // 2] for _ in range(calendar.days // 7 + 2)]
    monday = np.cumsum(calendar.weekday == 0)
    return np.array([leases[week] for week in monday])


def _without_machine(floors: int) -> np.ndarray:
    """Return offsets of addresses without a machine in the workstations' segments: 100 to 249 of each."""
    return (np.arange(floors)[:, None] * 256 + np.arange(100, 250)).ravel()


def _with_inventory(network: SyntheticNetwork, days: int) -> SyntheticNetwork:
    last = days - 1
    machines = []
    for number, (v4, v6, first) in enumerate(
        zip(network.workstations, network.workstations_v6, network.joined, strict=True), start=1
    ):
        for address in (v4, v6):
            if address >= 0:
                machines.append(Machine(network.addresses[address], f"WS-{number:03d}", "prod", int(first), last))
    for name, address in (*network.servers.items(), ("web01", network.web)):
        machines.append(Machine(network.addresses[address], f"SRV-{name}", "prod", 0, last))
    for number, address in enumerate(network.printers, start=1):
        machines.append(Machine(network.addresses[address], f"PRN-{number:02d}", "prod", 0, last))
    for prefix, addresses in (("VDI", network.vdi), ("LT", network.laptops)):
        for address in np.unique(addresses):
            used = np.argwhere(addresses == address)  # in day order
            name = f"{prefix}-{used[-1][1] + 1:03d}"
            machines.append(Machine(network.addresses[address], name, "prod", int(used[0][0]), int(used[-1][0])))
    machines.append(Machine(network.addresses[network.dormant], "SRV-old01", "prod", -200, last))
    machines.append(Machine(network.addresses[network.retired], "SRV-files00", "prod", -400, -30))
    machines.append(Machine("10.20.200.5", "LAB-01", "test", 0, last))
    return SyntheticNetwork(**{**network.__dict__, "inventory": tuple(machines)})
