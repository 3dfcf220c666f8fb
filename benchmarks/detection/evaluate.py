"""What a network shows: the places of its attacks, baits in the top ten, and the flagged share of a clean one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.detection.network import Network
from benchmarks.detection.outcomes import TOP, Attack, best_place, by_chance, false_rows
from benchmarks.detection.rankings import RANKINGS
from benchmarks.detection.summary import LEVELS
from ndr.contract.datasets import FG_C_HOSTS
from ndr.contract.time import WINDOWS, Interval, day_text
from ndr.jobs.fg_c.calibration import calibration_days
from ndr.jobs.fg_c.host_days import host_day_p_values
from ndr.store.scan import Scan

SAVED: Final = ("files01", "mail01", "db01", "app01", "dc01", "backup01")
BACKUP_TIME: Final = (timedelta(minutes=30), timedelta(hours=5))
PATCH_TIME: Final = (timedelta(hours=2), timedelta(hours=4, minutes=30))


def evaluate(network: Network) -> Iterator[dict[str, Any]]:
    """Yield a line for each attack and ranking, for the baits, and for the share of flagged host-days."""
    end = network.simulation.calendar.interval.end
    attacks = [Attack.of(record, end) for record in network.simulation.ground_truth["attacks"]]
    seed = network.simulation.ground_truth["seed"]
    if attacks:
        yield from ({"seed": seed} | line for line in places(network, attacks))
    else:
        yield {"seed": seed, "clean": True} | flagged(network)
    yield {"seed": seed, "clean": not attacks} | baits(network, attacks)


def places(network: Network, attacks: list[Attack]) -> Iterator[dict[str, Any]]:
    """Yield the best place of each attack in each ranking, over its days, and on which of them it is."""
    attacked = [day for day in network.scored_days if any(attack.is_on(day) for attack in attacks)]
    for name, ranking in RANKINGS.items():
        of_days = {day: ranking(network, day) for day in attacked}
        for attack in attacks:
            found = best_place(attack, of_days, attacks)
            line = {"ranking": name, "kind": attack.kind, "host": attack.host, **attack.facts}
            if name == "scores":
                line["by_chance"] = by_chance(attack, {day: found[0] for day, found in of_days.items()}, attacks)
            if found is None:
                yield line | {"found": False, "rank": None, "false_above": None}
                continue
            best, day = found
            yield line | {
                "found": best.rank <= TOP,
                "rank": best.rank,
                "false_above": best.false_above,
                "day": day_text(day.start),
                "day_of_attack": attack.number_of(day),
            }


def flagged(network: Network) -> dict[str, Any]:
    """Return the share of host-days whose p value is below each level."""
    values = [value for day in network.days for value in p_values(network, day).values()]
    return {"host_days": len(values)} | {
        f"share_below_{level}": sum(value < level for value in values) / len(values) for level in LEVELS
    }


def p_values(network: Network, day: Interval) -> dict[str, float]:
    """Return the p value of each host of a day that has one."""
    calibration = network.project.spec("fg_c_builder").calibration
    since = Interval(calibration_days(day.start, calibration).start, day.end)
    columns = ["host_ip", "window_end", "score"]
    rows = Scan.of(network.project.uri("fg_c"), FG_C_HOSTS, since, columns).read()
    of_day = host_day_p_values(rows, day.start, calibration)
    found = zip(of_day["host_ip"].to_pylist(), of_day["p_value"].to_pylist(), strict=True)
    return {host: value for host, value in found if value is not None}


def baits(network: Network, attacks: list[Attack]) -> dict[str, Any]:
    """Count the host-days in the top ten whose first reason is a backup or a patch night, and that no attack explains.

    It is, where the reason's window touches the time of the backups or patches, and the host takes part in them.
    """
    counts = {"false_in_top": 0, "backups_in_top": 0, "patch_nights_in_top": 0, "patch_nights": 0}
    simulated, calendar = network.simulation.network, network.simulation.calendar
    names, servers = simulated.addresses, simulated.servers
    saved = {str(names[servers[name]]) for name in SAVED}
    patched = {str(names[each]) for each in (*servers.values(), *simulated.workstations[simulated.always_on])}
    ranking = RANKINGS["scores"]
    for day in network.days:
        number = (day.start - calendar.interval.start).days
        top = {row.key[0] for row in false_rows(ranking(network, day)[0][:TOP], attacks, day)}
        counts["false_in_top"] += len(top)
        for host, began, ended in _first_reasons(network, day, top):
            counts["backups_in_top"] += host in saved and _touches(day, BACKUP_TIME, began, ended)
            if calendar.is_patch_night[number]:
                counts["patch_nights_in_top"] += host in patched and _touches(day, PATCH_TIME, began, ended)
        counts["patch_nights"] += int(calendar.is_patch_night[number])
    return counts


def _touches(day: Interval, time: tuple[timedelta, timedelta], began: Any, ended: Any) -> bool:
    return bool(began < day.start + time[1] and day.start + time[0] < ended)


def _first_reasons(network: Network, day: Interval, hosts: set[str]) -> Iterator[tuple[str, Any, Any]]:
    """Yield the window of the first reason of each host's largest score of the day."""
    columns = ["host_ip", "window_end", "score", "reasons"]
    rows = Scan.of(network.project.uri("fg_c"), FG_C_HOSTS, day, columns).read()
    rows = rows.filter(pc.is_in(rows["host_ip"].cast(pa.string()), pa.array(sorted(hosts), pa.string())))
    best: dict[str, dict[str, Any]] = {}
    for row in rows.select(columns).to_pylist():
        if row["reasons"] and row["score"] > best.get(row["host_ip"], {"score": -1.0})["score"]:
            best[row["host_ip"]] = row
    for host, row in best.items():
        width = WINDOWS[row["reasons"][0]["window_label"]]
        yield host, row["window_end"] - width, row["window_end"]
