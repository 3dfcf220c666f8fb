"""The activities of the synthetic network, one function each, as connections.

Medians and tails are those of an ordinary company network. Bytes, durations and rates are heavy-tailed, follow the
working day, and differ from host to host.
"""

from collections.abc import Callable, Mapping

import numpy as np

from ndr.contract.time import DAY_MICROSECONDS, SECOND_MICROSECONDS
from ndr.local.traffic.calendar import (
    INTERNET_HOURS,
    ROUND_THE_CLOCK,
    UPDATE_HOURS,
    WORKING_HOURS,
    Calendar,
    Occasions,
    bursts,
    nightly,
    occasions,
    regular,
)
from ndr.local.traffic.connections import Connections, Kind, LogNormal, connect
from ndr.local.traffic.network import SyntheticNetwork

HTTPS = Kind("tcp", 443, "ssl", LogNormal(1_900, 1.1), LogNormal(9_500, 1.6), LogNormal(4, 1.5), 0.012)
DNS = Kind("udp", 53, "dns", LogNormal(44, 0.25), LogNormal(130, 0.5), LogNormal(0.02, 1.0), 0.004)
SMB = Kind("tcp", 445, "smb", LogNormal(9_000, 2.0), LogNormal(22_000, 2.2), LogNormal(40, 1.4))
KERBEROS = Kind("tcp", 88, "krb_tcp", LogNormal(1_500, 0.3), LogNormal(1_600, 0.3), LogNormal(0.01, 0.8))
LDAP = Kind("tcp", 389, "ldap_tcp", LogNormal(1_200, 0.6), LogNormal(3_000, 1.0), LogNormal(0.4, 1.2))
IMAPS = Kind("tcp", 993, "imap", LogNormal(2_500, 1.0), LogNormal(12_000, 1.8), LogNormal(60, 1.2))
PRINT = Kind("tcp", 631, "ipp", LogNormal(400_000, 1.4), LogNormal(900, 0.4), LogNormal(6, 0.8))
NTP = Kind("udp", 123, "ntp", LogNormal(48, 0), LogNormal(48, 0), LogNormal(0.015, 0.5))
PING = Kind("icmp", 8, "-", LogNormal(56, 0), LogNormal(56, 0), LogNormal(0.001, 0.5))
DATABASE = Kind("tcp", 5432, "-", LogNormal(3_000, 1.2), LogNormal(20_000, 1.8), LogNormal(2, 1.6))
SSH = Kind("tcp", 22, "ssh", LogNormal(20_000, 1.5), LogNormal(60_000, 1.7), LogNormal(1_500, 1.4))
LONG_LIVED = Kind("tcp", 443, "ssl", LogNormal(60_000, 1.0), LogNormal(200_000, 1.2), LogNormal(5_400, 0.9), 0.0)
BACKUP = Kind("tcp", 10_001, "-", LogNormal(5e8, 0.5), LogNormal(90_000, 0.4), LogNormal(600, 0.4), 0.0)
FULL_BACKUP = Kind("tcp", 10_001, "-", LogNormal(2e9, 0.4), LogNormal(250_000, 0.4), LogNormal(1_800, 0.4), 0.0)
SYNC = Kind("tcp", 443, "ssl", LogNormal(2e6, 1.7), LogNormal(20_000, 1.0), LogNormal(20, 1.2), 0.005)
DOWNLOAD = Kind("tcp", 443, "ssl", LogNormal(30_000, 0.8), LogNormal(2e7, 1.6), LogNormal(40, 1.2), 0.005)
UPDATE = Kind("tcp", 8_530, "http", LogNormal(3_000, 0.5), LogNormal(9e6, 1.5), LogNormal(8, 1.0))
VISIT = Kind("tcp", 443, "ssl", LogNormal(1_400, 0.9), LogNormal(18_000, 1.5), LogNormal(3, 1.4))
PROBE = Kind("tcp", 0, "-", LogNormal(40, 0.8), LogNormal(60, 0.8), LogNormal(0.2, 1.0), 0.93)
STALE = Kind("tcp", 445, "smb", LogNormal(1, 0), LogNormal(1, 0), LogNormal(0.001, 0), 1.0)

PROBED_PORTS = np.array([23, 22, 80, 443, 3389, 445, 8080, 5900, 6379, 1433, 3306, 8443, 5060, 9200, 2222, 21, 25])


def seat_activity(rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork) -> np.ndarray:
    """Return the activity of each seat on each day, shape (days, seats): workstations first, then virtual desktops."""
    seats = network.seats.shape[1]
    habit = LogNormal(1.0, 0.4).draw(rng, seats)
    present = rng.random((calendar.days, seats)) > 0.05
    mood = LogNormal(1.0, 0.25).draw(rng, calendar.days * seats).reshape(calendar.days, seats)
    active = calendar.activity(at_rest=0.03)[:, None] * habit * present * mood
    active[:, : len(network.workstations)] *= np.arange(calendar.days)[:, None] >= network.joined
    return active


def _seat(network: SyntheticNetwork, when: Occasions) -> np.ndarray:
    return network.seats[when.day, when.who]


def _zipf(rng: np.random.Generator, population: np.ndarray, count: int, exponent: float = 1.1) -> np.ndarray:
    weights = 1 / np.arange(1, len(population) + 1) ** exponent
    cumulative = np.cumsum(weights) / weights.sum()
    return population[np.minimum(np.searchsorted(cumulative, rng.random(count)), len(population) - 1)]


def _favourite(rng: np.random.Generator, sites: np.ndarray, who: np.ndarray, seats: int) -> np.ndarray:
    """Draw a site for each occasion: 97 % from the seat's 60 favourites (Zipf), 3 % from all sites (Zipf)."""
    favourites = np.array([_zipf(rng, sites, 60, 0.8) for _ in range(seats)])
    own = favourites[who, _zipf(rng, np.arange(60), len(who))]
    return np.where(rng.random(len(who)) < 0.97, own, _zipf(rng, sites, len(who)))


def browsing(
    rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork, active: np.ndarray
) -> Connections:
    """Web pages, several connections each. Some use IPv6 where both ends have it."""
    when = bursts(rng, occasions(rng, calendar, active * 80, WORKING_HOURS), mean=2.2, spread_seconds=3)
    orig, resp = _seat(network, when), _favourite(rng, network.sites, when.who, active.shape[1])
    v6 = np.append(network.workstations_v6, np.full(active.shape[1] - len(network.workstations), -1))[when.who]
    site_v6 = _favourite(rng, network.sites_v6, when.who, active.shape[1])
    over_v6 = (v6 >= 0) & (rng.random(len(orig)) < 0.25)
    return connect(rng, HTTPS, when.at, np.where(over_v6, v6, orig), np.where(over_v6, site_v6, resp))


def desk_work(
    rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork, active: np.ndarray
) -> Connections:
    """Client traffic of the seats: DNS, logons, files, mail, printers, and connections that stay open for hours."""
    server = network.servers
    daily = [(DNS, 100, server["dns01"]), (KERBEROS, 9, server["dc01"]), (LDAP, 8, server["dc01"]),
             (SMB, 18, server["files01"]), (IMAPS, 16, server["mail01"]), (STALE, 0.4, network.retired)]  # fmt: skip
    parts = []
    for kind, rate, resp in daily:
        when = occasions(rng, calendar, active * rate, WORKING_HOURS)
        parts.append(connect(rng, kind, when.at, _seat(network, when), np.array(resp)))
    when = occasions(rng, calendar, active * 1.5, WORKING_HOURS)
    parts.append(connect(rng, PRINT, when.at, _seat(network, when), network.printers[when.who % len(network.printers)]))
    when = occasions(rng, calendar, active * 2, WORKING_HOURS)
    parts.append(connect(rng, LONG_LIVED, when.at, _seat(network, when), network.sites[when.who % 3]))
    return Connections.joined(parts)


def background(
    rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork, active: np.ndarray
) -> Connections:
    """Unattended traffic round the clock: NTP and telemetry at fixed intervals, each preceded by DNS, and other DNS."""
    server = network.servers
    hosts = np.concatenate([network.workstations[network.always_on], list(server.values())])
    joined = np.concatenate([network.joined[network.always_on], np.zeros(len(server), np.int64)])
    here = np.arange(calendar.days)[:, None] >= joined
    clocks = regular(rng, calendar, here, 2 * 3_600, 0.001)
    outside = regular(rng, calendar, np.ones((calendar.days, 1)), 1_024, 0.002)
    reports = regular(rng, calendar, here, 4_320, 0.03)
    lookups = occasions(rng, calendar, here * 24.0, ROUND_THE_CLOCK)
    before = reports.at - rng.integers(20_000, 400_000, len(reports.at))  # microseconds
    forwarded = occasions(rng, calendar, calendar.activity(at_rest=0.3)[:, None] * 250, WORKING_HOURS + 1)
    dns, telemetry = np.array(server["dns01"]), network.sites[(reports.who % 3) * 4]
    return Connections.joined(
        [
            connect(rng, NTP, clocks.at, hosts[clocks.who], np.array(server["dc01"])),
            connect(rng, NTP, outside.at, np.array(server["dc01"]), network.resolvers[1:]),
            connect(rng, HTTPS, reports.at, hosts[reports.who], telemetry),
            connect(rng, DNS, np.maximum(before, calendar.midnights[0]), hosts[reports.who], dns),
            connect(rng, DNS, lookups.at, hosts[lookups.who], dns),
            connect(rng, DNS, forwarded.at, dns, network.resolvers[:1]),
        ]
    )


def servers(rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork, active: np.ndarray) -> Connections:
    """Server-to-server traffic: database queries, monitoring, administration."""
    server = network.servers
    work = calendar.activity(at_rest=0.2)[:, None]
    queries = occasions(rng, calendar, work * 250, WORKING_HOURS + 0.5)
    admin = occasions(rng, calendar, calendar.activity(at_rest=0.05)[:, None] * 9, WORKING_HOURS)
    others = np.array([address for name, address in server.items() if name != "monitor01"])
    pings = regular(rng, calendar, np.ones((calendar.days, len(others))), 1_800, 0.002)
    targets = rng.choice(others, len(admin.at))
    return Connections.joined(
        [
            connect(rng, DATABASE, queries.at, np.array(server["app01"]), np.array(server["db01"])),
            connect(rng, SSH, admin.at, network.workstations[:1], targets),
            connect(rng, PING, pings.at, np.array(server["monitor01"]), others[pings.who]),
        ]
    )


def backups(rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork, active: np.ndarray) -> Connections:
    """Backups, each server at its own hour of the night: six connections in a row, on Saturdays full ones."""
    saved = np.array([network.servers[name] for name in ("files01", "mail01", "db01", "app01", "dc01")])
    when = nightly(rng, calendar, np.array([0.5, 1.25, 2.0, 2.75, 3.5]), spread_seconds=240)
    streams = np.repeat(np.arange(len(when.at)), 6)
    at = when.at[streams] + np.tile(np.arange(6), len(when.at)) * 420 * SECOND_MICROSECONDS
    full = calendar.weekday[when.day[streams]] == 5
    orig, resp = saved[when.who[streams]], np.array(network.servers["backup01"])
    return Connections.joined(
        [connect(rng, kind, at[of], orig[of], resp) for kind, of in ((FULL_BACKUP, full), (BACKUP, ~full))]
    )


def transfers(
    rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork, active: np.ndarray
) -> Connections:
    """Large files, with the heaviest tails of all: uploads to two storage sites, downloads from any."""
    seats = active.shape[1]
    uses = np.where(rng.random(seats) < 0.5, 0.8, 0.05)  # half of the people keep their files in the cloud
    uploads = occasions(rng, calendar, active * uses, WORKING_HOURS)
    downloads = occasions(rng, calendar, active * 0.3, WORKING_HOURS)
    return Connections.joined(
        [
            connect(rng, SYNC, uploads.at, _seat(network, uploads), network.sites[4 + uploads.who % 2]),
            connect(
                rng, DOWNLOAD, downloads.at, _seat(network, downloads), _zipf(rng, network.sites, len(downloads.at))
            ),
        ]
    )


def updates(rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork, active: np.ndarray) -> Connections:
    """Software updates: once a week at noon, all running machines at the same time."""
    weekly = (calendar.midnights // DAY_MICROSECONDS) % 7 == 6  # 1970-01-01 was a Thursday: Wednesdays
    when = occasions(rng, calendar, (active > 0.1) * weekly[:, None] * 14.0, UPDATE_HOURS)
    return connect(rng, UPDATE, when.at, _seat(network, when), np.array(network.servers["wsus01"]))


def patch_nights(
    rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork, active: np.ndarray
) -> Connections:
    """Patches on patch nights: each machine that runs fetches them from 02:00 on, starts anew and logs on again."""
    server = network.servers
    hosts = np.concatenate([network.workstations[network.always_on], list(server.values())])
    when = nightly(rng, calendar, np.full(len(hosts), 2.0), spread_seconds=5_400)
    joined = np.concatenate([network.joined[network.always_on], np.zeros(len(server), np.int64)])
    patched = calendar.is_patch_night[when.day] & (when.day >= joined[when.who])
    patched &= hosts[when.who] != server["wsus01"]
    when = Occasions(when.day[patched], when.who[patched], when.at[patched])
    fetched = bursts(rng, when, mean=25, spread_seconds=400)
    started = bursts(rng, when, mean=8, spread_seconds=30)
    after = started.at + 1_200 * SECOND_MICROSECONDS
    return Connections.joined(
        [
            connect(rng, UPDATE, fetched.at, hosts[fetched.who], np.array(server["wsus01"])),
            *(connect(rng, kind, after, hosts[started.who], np.array(server[name]))
              for kind, name in ((KERBEROS, "dc01"), (LDAP, "dc01"), (DNS, "dns01"))),
        ]
    )  # fmt: skip


def internet(
    rng: np.random.Generator, calendar: Calendar, network: SyntheticNetwork, active: np.ndarray
) -> Connections:
    """Traffic of the public server: visitors and constant scanning."""
    each_day = np.ones((calendar.days, 1))
    visits = bursts(rng, occasions(rng, calendar, each_day * 120, INTERNET_HOURS), mean=2, spread_seconds=4)
    probes = bursts(rng, occasions(rng, calendar, each_day * 220, ROUND_THE_CLOCK), mean=1.5, spread_seconds=20)
    sweeps = bursts(rng, occasions(rng, calendar, each_day * 1.5, ROUND_THE_CLOCK), mean=150, spread_seconds=90)
    sources = _zipf(rng, network.scanners, len(probes.at), 0.9)
    # A sweep has one source address, which follows from the day, and any ports.
    sweepers = network.scanners[(sweeps.day * 37 + 11) % len(network.scanners)]
    visitors = _zipf(rng, network.scanners[::-1], len(visits.at), 0.5)
    web = np.array(network.web)
    return Connections.joined(
        [
            connect(rng, VISIT, visits.at, visitors, web),
            connect(rng, PROBE, probes.at, sources, web, _zipf(rng, PROBED_PORTS, len(probes.at))),
            connect(rng, PROBE, sweeps.at, sweepers, web, rng.integers(1, 10_000, len(sweeps.at))),
        ]
    )


Activity = Callable[[np.random.Generator, Calendar, SyntheticNetwork, np.ndarray], Connections]
ACTIVITIES: Mapping[str, Activity] = {
    "browsing": browsing,
    "desk_work": desk_work,
    "background": background,
    "servers": servers,
    "backups": backups,
    "transfers": transfers,
    "updates": updates,
    "patch_nights": patch_nights,
    "internet": internet,
}
