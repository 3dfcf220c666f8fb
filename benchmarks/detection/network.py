"""One generated network, from its connections to its scores: the jobs, called as their entry scripts do, on files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.jobs.job_chain import Project

from ndr.contract.datasets import INTEGRATION
from ndr.contract.horizons import TABLE
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, Interval, baseline_ends, mini_batch_id
from ndr.jobs.fg_b.targets import Target
from ndr.local.traffic import NETWORKS
from ndr.local.traffic.calendar import is_holiday
from ndr.local.traffic.flows import flows_of
from ndr.local.traffic.generate import Simulation, simulate
from ndr.store.schema import arrow_schema


@dataclass(frozen=True)
class Size:
    """The size of a network, and which of its days are looked at.

    Attributes
    ----------
    days, workstations : int
        As of `simulate`. With their IPv6 addresses, desktops, laptops, servers and printers, 46 workstations are about
        110 addresses a day.
    evaluated : int
        The last days, whose false alarms are counted.
    scored : int
        These and the days before them that an attack goes on for, or whose scores calibrate theirs.
    """

    days: int = 45
    workstations: int = 46
    evaluated: int = 9
    scored: int = 24


LARGEST_SAFETY_GAP: Final = timedelta(days=2)
"""By which a baseline stops before its end; see `safety_gap` of the fg_b_builder JobSpec."""


@dataclass(frozen=True)
class Network:
    """A simulated network and the project that its jobs have published into."""

    simulation: Simulation
    project: Project
    size: Size

    @property
    def days(self) -> list[Interval]:
        """The evaluated days."""
        return self.scored_days[-self.size.evaluated :]

    @property
    def scored_days(self) -> list[Interval]:
        """The days that have scores."""
        end = self.simulation.calendar.interval.end
        return list(Interval(end - self.size.scored * DAY, end).steps(DAY))


def build(folder: Path, seed: int, attacks: str, size: Size | None = None) -> Network:
    """Simulate a network and run every job over it: deltas, FG-A and pair counts, baselines, scores.

    Raises
    ------
    ValueError
        A baseline of the scored days could not be built.
    """
    size = size or Size()
    simulation = simulate(size.days, size.workstations, seed, attacks=attacks)
    interval = simulation.calendar.interval
    project = Project(folder, _changes(interval))
    _deliver(project, simulation)
    project.fifteen_minute_steps(interval)
    names = {machine.address: machine.name for machine in simulation.network.inventory}
    for month in {f"{interval.start:%Y-%m}", f"{interval.end:%Y-%m}"}:
        project.inventory(month, dict(sorted(names.items())))
    scored = Interval(interval.end - size.scored * DAY, interval.end)
    _build_baselines(project, interval.start, scored)
    project.fg_c(scored)
    return Network(simulation, project, size)


def _changes(interval: Interval) -> dict[str, dict[str, object]]:
    """Return what the JobSpecs of this network say: its networks, closed days, and the safety gaps by default."""
    dates = [day.start for day in interval.steps(DAY)]
    closed = [f"{date:%Y-%m-%d}" for date in dates if date.weekday() < 5 and is_holiday(date)]
    return {
        "networks": {"internal": {"company": list(NETWORKS)}},
        "fg_a_builder": {"calendar": {"holidays": closed}},
        "fg_b_builder": {"safety_gap": {horizon.label: horizon.safety_gap for horizon in TABLE}},
    }


def _deliver(project: Project, simulation: Simulation) -> None:
    """Deliver each day as a mini-batch of one Parquet file in the integration schema."""
    connections = simulation.connections
    order = np.argsort(connections.start, kind="stable")
    flows = flows_of(connections.take(order), simulation.network).cast(arrow_schema(INTEGRATION))
    days = list(simulation.calendar.interval.steps(DAY))
    limits = np.searchsorted(connections.start[order], [*simulation.calendar.midnights, simulation.calendar.end])
    for day, first, last in zip(days, limits[:-1], limits[1:], strict=True):
        folder = project.root / "integration" / mini_batch_id(day)
        folder.mkdir(parents=True)
        pq.write_table(flows.slice(first, last - first), folder / "part-0.parquet")


def _build_baselines(project: Project, start: datetime, scored: Interval) -> None:
    """Build the baselines that the schedules have built by the end of the scored days, 7d each night and 30d each
    Monday, as far as the history goes: the oldest are those that the first of these days is judged by."""
    built = Interval(scored.start - 6 * DAY, scored.end)
    targets = [
        Target(end, horizon.label)
        for horizon in TABLE
        for end in baseline_ends(built if horizon.cadence == "weekly" else scored, horizon.cadence)
        if end - horizon.length - LARGEST_SAFETY_GAP >= start
    ]
    for target, outcome in project.baselines(targets):
        if not isinstance(outcome, Manifest):
            raise ValueError(f"The {target.horizon} baseline ending {target.end} was not built: {outcome}")


def connections_of_pairs(simulation: Simulation, day: Interval) -> pa.Table:
    """Return the day's connections that internal hosts opened: source, destination, second, bytes sent on the wire."""
    c = simulation.connections
    first = int(simulation.calendar.midnights[(day.start - simulation.calendar.interval.start).days])
    of_day = (c.start >= first) & (c.start < first + 86_400_000_000) & simulation.network.is_local[c.orig]
    flows = flows_of(c.take(of_day), simulation.network)
    seconds = pa.array(c.start[of_day] // 1_000_000)
    return pa.table(
        {
            "src_ip": flows["source_ip"],
            "dst_ip": flows["destination_ip"],
            "second": seconds,
            "bytes": flows["source_bytes"],
        }
    )
