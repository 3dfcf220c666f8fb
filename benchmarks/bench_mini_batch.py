"""The jobs of one mini-batch of 15, 30 and 60 minutes at 1,000 hosts, each as a process, after a day of slices.

Before the mini-batch lie the deltas of a day as 96 slices, its FG-A and pair counts, and the baselines that end with
it, of that one day. Each job runs ROUNDS times, in turns, on this machine's disk; a line is the median. Imports count,
because a container pays for them too. The last lines are what `ndr cost` assumes: seconds for 1,000 hosts, whatever the
batch holds, and seconds for a million flows. Peers are drawn at random, so that most pairs are new: FG-C takes less of
traffic with habits. `--only fg_c_builder` runs one of the jobs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import Measurement, measure
from tests.jobs.job_chain import Project

from ndr.contract.datasets import INTEGRATION
from ndr.contract.fifteen_minutes import BATCH_MINUTES, SCORED_BATCH_JOBS
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import DAY, SLICE, Interval, mini_batch_id, parse_instant
from ndr.jobs.fg_b.targets import Target
from ndr.store.schema import arrow_schema

HOSTS = 1000
FLOWS_PER_SLICE = 20_000
ROUNDS = 2
START = parse_instant("2026-01-05")
BEGIN = START + DAY
JOBS = tuple(str(each.job) for each in SCORED_BATCH_JOBS)


def flows(batch: Interval, count: int, seed: int) -> pa.Table:
    """Draw flows of a slice: 1,000 hosts, 20,000 peers; few of each carry most of the flows."""
    draw = np.random.default_rng(seed)
    source = np.minimum((draw.pareto(0.8, count) * 20).astype(int), HOSTS - 1)
    peer = np.minimum((draw.pareto(0.8, count) * 30).astype(int), 19_999)
    start = int(batch.start.timestamp() * 1e6) + np.sort(draw.integers(0, 900_000, count)) * 1000
    ports = np.array([443, 80, 53, 22, 445, 389, 88, 3389])
    columns = {
        "source_ip": [f"10.0.{each // 250}.{each % 250 + 1}" for each in source],
        "source_port": draw.integers(1024, 65536, count),
        "destination_ip": [f"198.18.{each // 250}.{each % 250 + 1}" for each in peer],
        "destination_port": ports[draw.integers(0, 8, count)],
        "source_bytes": draw.integers(40, 100_000, count),
        "destination_bytes": draw.integers(40, 1_000_000, count),
        "event_start": pa.array(start, pa.timestamp("us", tz="UTC")),
        "event_end": pa.array(start + 1_000_000, pa.timestamp("us", tz="UTC")),
        "event_action": ["allow"] * count,
        "event_name": ["TRAFFIC"] * count,
        "event_reason": ["tcp-fin"] * count,
        "network_transport": ["tcp"] * count,
    }
    return pa.table([columns[name] for name in INTEGRATION.column_names], arrow_schema(INTEGRATION))


def project_at(root: Path) -> Project:
    """Return the project: its hosts are inside, its peers outside, and its baselines may rest on a single day."""
    inside = {"internal": {"hosts": ["10.0.0.0/8"]}}
    return Project(root, changes={"networks": inside, "fg_b_builder": {"min_coverage": 0.03}})


def write_project(root: Path) -> None:
    """Deliver a day and an hour of flows as slices; build the day, its baselines, and what FG-C reads of the hour."""
    project = project_at(root)
    for number, each in enumerate(Interval(START, BEGIN + 4 * SLICE).steps(SLICE)):
        folder = root / "integration" / mini_batch_id(each)
        folder.mkdir(parents=True)
        pq.write_table(flows(each, FLOWS_PER_SLICE, number), folder / "0.parquet")
    for each in Interval(START, BEGIN + 4 * SLICE).steps(SLICE):
        project.deltas(each)
    for part in (Interval(START, BEGIN), Interval(BEGIN, BEGIN + 4 * SLICE)):
        project.fg_a(part)
        project.pair_counts(part)
    project.baselines([Target(BEGIN, horizon) for horizon in HORIZONS])


def run_job(root: Path, job: str, minutes: int) -> None:
    """Run one job of the mini-batch that follows the day; the process that is measured."""
    batch = Interval(BEGIN, BEGIN + minutes * SLICE / 15)
    project = project_at(root)
    run = {
        "delta_builder": project.deltas,
        "fg_a_builder": project.fg_a,
        "pair_counts_builder": project.pair_counts,
        "fg_c_builder": project.fg_c,
    }
    run[job](batch)


def fit(seconds: dict[int, float]) -> tuple[float, float]:
    """Return the seconds of an empty batch, and those of a million flows, by least squares.

    They are core seconds, which other work on the machine does not change; a job takes less on more than one core.
    """
    slope, empty = np.polyfit([minutes / 15 * FLOWS_PER_SLICE for minutes in seconds], list(seconds.values()), 1)
    return max(0.0, float(empty)), max(0.0, float(slope) * 1e6)


def main(jobs: Sequence[str]) -> None:
    """Print a line for each job and batch length, then the fit of each job."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root)
        found: dict[tuple[str, int], list[Measurement]] = {}
        for _ in range(ROUNDS):
            for minutes in BATCH_MINUTES:
                for job in jobs:
                    command = [sys.executable, __file__, "--root", folder, "--job", job, "--minutes", str(minutes)]
                    found.setdefault((job, minutes), []).append(measure(command))
    common = {"bench": "mini_batch", "hosts": HOSTS}
    for (job, minutes), runs in found.items():
        figures = {name: round(median(getattr(run, name) for run in runs), 2) for name in ("seconds", "cpu_seconds")}
        peak = {"peak_mib": round(max(run.peak_mib for run in runs))}
        print(json.dumps({**common, "job": job, "minutes": minutes, **figures, **peak}), flush=True)
    for job in jobs:
        empty, million = fit(
            {minutes: median(run.cpu_seconds for run in found[job, minutes]) for minutes in BATCH_MINUTES}
        )
        fitted = {"seconds_per_1000_hosts": round(empty, 2), "seconds_per_million_flows": round(million, 2)}
        print(json.dumps({**common, "job": job, **fitted}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path)
    parser.add_argument("--job", choices=JOBS)
    parser.add_argument("--minutes", type=int)
    parser.add_argument("--only", choices=JOBS, action="append")
    given = parser.parse_args()
    if given.job:
        run_job(given.root, given.job, given.minutes)
    else:
        main(given.only or JOBS)
