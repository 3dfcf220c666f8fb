"""The whole FG-B job, a backfill of 30 days against 30 REGULAR runs of both horizons: HOSTS=300 bench_fg_b_job.py

Published partitions in, published partitions out: statistics, pairs and machines. `backfill` builds what the schedules
would have built (7d daily, 30d weekly), `backfill_daily` both horizons daily. Each run is a process of its own;
`job_seconds` and `job_cpu_seconds` leave out starting Python and importing, which a backfill does once and not 30
times. Every table of both backfills is compared with its REGULAR run's, value for value.
RANGE_DAYS shortens the range.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench_fg_b_job_data import END, METRICS, publish_project
from measure import measure

from ndr.contract.datasets import fg_b_tables
from ndr.contract.jobspecs.fg_b_builder import Cadences
from ndr.contract.time import DAY, SLICE, format_instant
from ndr.jobs.fg_b.targets import Target, backfill_targets
from ndr.store.catalog import newest_baseline
from ndr.store.publish import read_table

RUN = Path(__file__).parent / "bench_fg_b_job_run.py"
DATASETS = fg_b_tables(METRICS)
CADENCES = {"backfill": Cadences(), "backfill_daily": Cadences(**{"30d": "daily"})}


@dataclass(frozen=True, slots=True)
class Cost:
    """What runs cost together: times add up, memory is the largest."""

    seconds: float
    cpu_seconds: float
    job_seconds: float
    job_cpu_seconds: float
    peak_mib: float


def main() -> None:
    hosts, days = int(os.environ.get("HOSTS", "300")), int(os.environ.get("RANGE_DAYS", "30"))
    project = Path(os.environ.get("BENCH_DATA", Path(tempfile.gettempdir()) / "ndr_bench")) / f"project_{hosts}"
    publish_project(project, hosts)
    start, end = format_instant(END - (days - 1) * DAY), format_instant(END + SLICE)
    wanted = {engine: backfill_targets("both", start, end, cadence) for engine, cadence in CADENCES.items()}
    daily = sorted({target.end for target in wanted["backfill_daily"]})
    with tempfile.TemporaryDirectory() as scratch:
        regular = Path(scratch) / "regular"
        runs = [build(project, regular, [Target(at, "7d"), Target(at, "30d")]) for at in daily]
        together = Cost(
            *(sum(getattr(run, name) for run in runs) for name in Cost.__slots__[:-1]),
            peak_mib=max(run.peak_mib for run in runs),
        )
        report(hosts, f"regular_x{len(daily)}", together, together)
        for engine, targets in wanted.items():
            output = Path(scratch) / engine
            report(hosts, engine, build(project, output, targets), together)
            check_same(output, regular, targets)


def build(project: Path, output: Path, targets: Sequence[Target]) -> Cost:
    """Build targets in a process of their own."""
    words = [f"{target.horizon}:{format_instant(target.end)}" for target in targets]
    done = measure([sys.executable, str(RUN), str(project), str(output), *words])
    return Cost(done.seconds, done.cpu_seconds, **json.loads(done.output), peak_mib=done.peak_mib)


def report(hosts: int, engine: str, done: Cost, regular: Cost) -> None:
    costs = {name: round(getattr(done, name), 2) for name in Cost.__slots__}
    shares = {
        f"{name}_share_of_regular": round(getattr(done, name) / getattr(regular, name), 3)
        for name in Cost.__slots__[:-1]
    }
    print(json.dumps({"bench": "fg_b_job", "hosts": hosts, "engine": engine, **costs, **shares}), flush=True)


def check_same(backfilled: Path, regular: Path, targets: Sequence[Target]) -> None:
    """Compare every backfilled table with the REGULAR run's.

    Raises
    ------
    AssertionError
        A baseline is missing or differs in any value.
    """
    for target in targets:
        tables = []
        for output in (backfilled, regular):
            found = newest_baseline(output.as_uri(), target.horizon, target.end)
            assert found is not None, f"{target}: nothing below {output}"
            assert found.manifest.end == target.end, f"{target}: nothing below {output}"
            tables.append([read_table(found.uri, found.manifest, dataset) for dataset in DATASETS])
        assert tables[0] == tables[1], f"{target} differs"
        assert all(table.num_rows for table in tables[0]), f"{target} has an empty table"


if __name__ == "__main__":
    main()
