"""What the office does all day, as connections: one function for each activity.

Medians and tails are those of an ordinary office network; what matters is that bytes, durations and rates are
heavy-tailed, follow the working day, and differ from host to host.
"""

from collections.abc import Callable, Mapping

import numpy as np

from ndr.local.traffic.calendar import (
    BACKUP_HOURS,
    INTERNET_HOURS,
    OFFICE_HOURS,
    ROUND_THE_CLOCK,
    UPDATE_HOURS,
    Calendar,
    Occasions,
    bursts,
    occasions,
)
from ndr.local.traffic.connections import Connections, Kind, LogNormal, connect
from ndr.local.traffic.office import Office

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
BACKUP = Kind("tcp", 10_001, "-", LogNormal(6e8, 0.8), LogNormal(90_000, 0.5), LogNormal(900, 0.6), 0.0)
UPDATE = Kind("tcp", 8_530, "http", LogNormal(3_000, 0.5), LogNormal(9e6, 1.5), LogNormal(8, 1.0))
VISIT = Kind("tcp", 443, "ssl", LogNormal(1_400, 0.9), LogNormal(18_000, 1.5), LogNormal(3, 1.4))
PROBE = Kind("tcp", 0, "-", LogNormal(40, 0.8), LogNormal(60, 0.8), LogNormal(0.2, 1.0), 0.93)
STALE = Kind("tcp", 445, "smb", LogNormal(1, 0), LogNormal(1, 0), LogNormal(0.001, 0), 1.0)

PROBED_PORTS = np.array([23, 22, 80, 443, 3389, 445, 8080, 5900, 6379, 1433, 3306, 8443, 5060, 9200, 2222, 21, 25])


def people(rng: np.random.Generator, calendar: Calendar, office: Office) -> np.ndarray:
    """Return how active each seat is on each day: workstations first, then virtual desktops (days x seats)."""
    seats = len(office.workstations) + office.vdi.shape[1]
    habit = LogNormal(1.0, 0.4).draw(rng, seats)
    present = rng.random((calendar.days, seats)) > 0.05
    mood = LogNormal(1.0, 0.25).draw(rng, calendar.days * seats).reshape(calendar.days, seats)
    active = calendar.activity(at_rest=0.03)[:, None] * habit * present * mood
    active[:, : len(office.workstations)] *= np.arange(calendar.days)[:, None] >= office.joined
    return active


def _seat(office: Office, when: Occasions) -> np.ndarray:
    by_day = np.concatenate([np.broadcast_to(office.workstations, (len(office.vdi), len(office.workstations))),
                             office.vdi], axis=1)  # fmt: skip
    return by_day[when.day, when.who]


def _zipf(rng: np.random.Generator, population: np.ndarray, count: int, exponent: float = 1.1) -> np.ndarray:
    weights = 1 / np.arange(1, len(population) + 1) ** exponent
    cumulative = np.cumsum(weights) / weights.sum()
    return population[np.minimum(np.searchsorted(cumulative, rng.random(count)), len(population) - 1)]


def _favourite(rng: np.random.Generator, sites: np.ndarray, who: np.ndarray, seats: int) -> np.ndarray:
    """Draw a site for each: mostly one of the seat's 60 favourites (Zipf), at times any (Zipf)."""
    favourites = np.array([_zipf(rng, sites, 60, 0.8) for _ in range(seats)])
    own = favourites[who, _zipf(rng, np.arange(60), len(who))]
    return np.where(rng.random(len(who)) < 0.97, own, _zipf(rng, sites, len(who)))


def browsing(rng: np.random.Generator, calendar: Calendar, office: Office, active: np.ndarray) -> Connections:
    """Web pages, each several connections at once; IPv6 where both ends have it."""
    when = bursts(rng, occasions(rng, calendar, active * 80, OFFICE_HOURS), mean=2.2, spread_seconds=3)
    orig, resp = _seat(office, when), _favourite(rng, office.sites, when.who, active.shape[1])
    v6 = np.append(office.workstations_v6, np.full(office.vdi.shape[1], -1))[when.who]
    site_v6 = _favourite(rng, office.sites_v6, when.who, active.shape[1])
    over_v6 = (v6 >= 0) & (rng.random(len(orig)) < 0.25)
    return connect(rng, HTTPS, when.at, np.where(over_v6, v6, orig), np.where(over_v6, site_v6, resp))


def desk_work(rng: np.random.Generator, calendar: Calendar, office: Office, active: np.ndarray) -> Connections:
    """What seats ask of the servers: names, logons, files, mail, printers; and calls that stay open for hours."""
    server = office.servers
    daily = [(DNS, 100, server["dns01"]), (KERBEROS, 9, server["dc01"]), (LDAP, 8, server["dc01"]),
             (SMB, 18, server["files01"]), (IMAPS, 16, server["mail01"]), (STALE, 0.4, office.retired)]  # fmt: skip
    parts = []
    for kind, rate, resp in daily:
        when = occasions(rng, calendar, active * rate, OFFICE_HOURS)
        parts.append(connect(rng, kind, when.at, _seat(office, when), np.array(resp)))
    when = occasions(rng, calendar, active * 1.5, OFFICE_HOURS)
    parts.append(connect(rng, PRINT, when.at, _seat(office, when), office.printers[when.who % len(office.printers)]))
    when = occasions(rng, calendar, active * 2, OFFICE_HOURS)
    parts.append(connect(rng, LONG_LIVED, when.at, _seat(office, when), office.sites[when.who % 3]))
    return Connections.joined(parts)


def background(rng: np.random.Generator, calendar: Calendar, office: Office, active: np.ndarray) -> Connections:
    """What machines do round the clock without anybody: names, time, telemetry."""
    hosts = np.concatenate([office.workstations[office.always_on], list(office.servers.values())])
    here = np.ones((calendar.days, len(hosts)))
    joined = np.concatenate([office.joined[office.always_on], np.zeros(len(office.servers), np.int64)])
    here *= np.arange(calendar.days)[:, None] >= joined
    parts = []
    for kind, rate, resp in ((DNS, 44, office.servers["dns01"]), (NTP, 10, office.servers["dc01"])):
        when = occasions(rng, calendar, here * rate, ROUND_THE_CLOCK)
        parts.append(connect(rng, kind, when.at, hosts[when.who], np.array(resp)))
    when = occasions(rng, calendar, here * 20, ROUND_THE_CLOCK)
    telemetry = office.sites[(when.who + rng.integers(0, 3, len(when.at))) % 12]
    parts.append(connect(rng, HTTPS, when.at, hosts[when.who], telemetry))
    return Connections.joined(parts)


def servers(rng: np.random.Generator, calendar: Calendar, office: Office, active: np.ndarray) -> Connections:
    """Servers among themselves: database queries, monitoring, administration, the nightly backup."""
    server = office.servers
    work = calendar.activity(at_rest=0.2)[:, None]
    queries = occasions(rng, calendar, work * 250, OFFICE_HOURS + 0.5)
    admin = occasions(rng, calendar, calendar.activity(at_rest=0.05)[:, None] * 9, OFFICE_HOURS)
    others = np.array([address for name, address in server.items() if name != "monitor01"])
    pings = occasions(rng, calendar, np.full((calendar.days, len(others)), 48.0), ROUND_THE_CLOCK)
    saved = np.array([server[name] for name in ("files01", "mail01", "db01", "app01", "dc01")])
    backups = occasions(rng, calendar, np.full((calendar.days, len(saved)), 6.0), BACKUP_HOURS)
    targets = rng.choice(others, len(admin.at))
    return Connections.joined(
        [
            connect(rng, DATABASE, queries.at, np.array(server["app01"]), np.array(server["db01"])),
            connect(rng, SSH, admin.at, office.workstations[:1], targets),
            connect(rng, PING, pings.at, np.array(server["monitor01"]), others[pings.who]),
            connect(rng, BACKUP, backups.at, saved[backups.who], np.array(server["backup01"])),
        ]
    )


def updates(rng: np.random.Generator, calendar: Calendar, office: Office, active: np.ndarray) -> Connections:
    """Software updates: once a week at noon every machine that is on fetches them at once."""
    weekly = (calendar.midnights // (86_400 * 1_000_000)) % 7 == 6  # 1970-01-01 was a Thursday: Wednesdays
    when = occasions(rng, calendar, (active > 0.1) * weekly[:, None] * 14.0, UPDATE_HOURS)
    return connect(rng, UPDATE, when.at, _seat(office, when), np.array(office.servers["wsus01"]))


def internet(rng: np.random.Generator, calendar: Calendar, office: Office, active: np.ndarray) -> Connections:
    """The public server: visitors, and the scanning that never stops."""
    each_day = np.ones((calendar.days, 1))
    visits = bursts(rng, occasions(rng, calendar, each_day * 120, INTERNET_HOURS), mean=2, spread_seconds=4)
    probes = bursts(rng, occasions(rng, calendar, each_day * 220, ROUND_THE_CLOCK), mean=1.5, spread_seconds=20)
    sweeps = bursts(rng, occasions(rng, calendar, each_day * 1.5, ROUND_THE_CLOCK), mean=150, spread_seconds=90)
    sources = _zipf(rng, office.scanners, len(probes.at), 0.9)
    # One sweep comes from one address, told by the day: its ports are any.
    sweepers = office.scanners[(sweeps.day * 37 + 11) % len(office.scanners)]
    visitors = _zipf(rng, office.scanners[::-1], len(visits.at), 0.5)
    web = np.array(office.web)
    return Connections.joined(
        [
            connect(rng, VISIT, visits.at, visitors, web),
            connect(rng, PROBE, probes.at, sources, web, _zipf(rng, PROBED_PORTS, len(probes.at))),
            connect(rng, PROBE, sweeps.at, sweepers, web, rng.integers(1, 10_000, len(sweeps.at))),
        ]
    )


Activity = Callable[[np.random.Generator, Calendar, Office, np.ndarray], Connections]
ACTIVITIES: Mapping[str, Activity] = {
    "browsing": browsing,
    "desk_work": desk_work,
    "background": background,
    "servers": servers,
    "updates": updates,
    "internet": internet,
}
