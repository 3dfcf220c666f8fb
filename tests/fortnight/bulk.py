"""The bulk build: all traffic as one mini-batch on this machine's disk, built once, in order, without a fault."""

from __future__ import annotations

from pathlib import Path

from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, HORIZONS, Interval, baseline_ends
from ndr.jobs.fg_b.targets import Target
from tests.fortnight.jobspecs import CHANGES
from tests.fortnight.traffic import MACHINES, Traffic
from tests.jobs.job_chain import Project


def build_in_bulk(folder: Path, traffic: Traffic) -> Project:
    """Build everything that the schedules build of the traffic.

    Raises
    ------
    ValueError
        There is no baseline, so that none could be compared.
    """
    project = Project(folder, CHANGES)
    whole = traffic.interval
    project.deliver(whole, (row for each in traffic.slices for row in traffic.rows(each)))
    project.fifteen_minute_steps(whole)
    project.inventory(f"{whole.start:%Y-%m}", dict(sorted(MACHINES.items())))
    built = project.baselines(targets(traffic))
    if not any(isinstance(outcome, Manifest) for _, outcome in built):
        raise ValueError(f"{traffic.hours} hours of traffic are too short for a baseline. Simulate 3 hours or more.")
    return project


def targets(traffic: Traffic) -> list[Target]:
    """Return the baselines that the schedules build: each night's 7-day one, each Monday's 30-day one."""
    ends = Interval(traffic.start + DAY, traffic.interval.end + DAY)
    return [
        Target(end, horizon)
        for horizon, cadence in zip(HORIZONS, ("daily", "weekly"), strict=True)
        for end in baseline_ends(ends, cadence)
    ]
