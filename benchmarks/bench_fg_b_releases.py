"""The FG-B job, REGULAR of both horizons, against an earlier release: HOSTS=300 bench_fg_b_releases.py

The earlier release is a commit of this repository, BEFORE: by default the last one without the regularity of pairs, the
profile and statistics with zeros. Each release publishes its inputs itself, from the same draws, because their columns
differ. The releases run in turns, ROUNDS times; the last line has the ratios of the medians and of the least.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from measure import Measurement, measure

HERE = Path(__file__).parent.parent
SOURCES = ("contract", "spark_jobs", "lambdas", "benchmarks")
PUBLISH = (
    "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import bench_fg_b_job_data as data; "
    "data.publish_project(Path(sys.argv[2]), int(sys.argv[3]))"
)
END = "2026-03-31T00:00:00Z"


def main() -> None:
    hosts, rounds = int(os.environ.get("HOSTS", "300")), int(os.environ.get("ROUNDS", "5"))
    commit = os.environ.get("BEFORE", "ec4317c")
    with tempfile.TemporaryDirectory() as scratch:
        before = Path(scratch) / "before"
        check_out(commit, before)
        releases = {"before": before, "now": HERE}
        projects = {name: Path(scratch) / f"project_{name}" for name in releases}
        for name, source in releases.items():
            run(source, ["-c", PUBLISH, str(source / "benchmarks"), str(projects[name]), str(hosts)])
        costs: dict[str, list[Measurement]] = {name: [] for name in releases}
        for turn in range(rounds):
            for name, source in releases.items():
                output = Path(scratch) / f"fg_b_{name}_{turn}"
                job = str(source / "benchmarks" / "bench_fg_b_job_run.py")
                done = run(source, [job, str(projects[name]), str(output), f"7d:{END}", f"30d:{END}"])
                costs[name].append(done)
                report(hosts, name, done)
        summarize(hosts, commit, costs)


def check_out(commit: str, folder: Path) -> None:
    """Put the sources of a commit into a folder."""
    packed = subprocess.run(["git", "archive", commit, *SOURCES], cwd=HERE, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def run(source: Path, arguments: list[str]) -> Measurement:
    """Run Python with the sources of a release."""
    path = os.pathsep.join(str(source / name) for name in SOURCES[:-1])
    return measure(["env", f"PYTHONPATH={path}", sys.executable, *arguments])


def report(hosts: int, release: str, done: Measurement) -> None:
    costs = {name: round(getattr(done, name), 2) for name in ("seconds", "cpu_seconds", "peak_mib")}
    print(json.dumps({"bench": "fg_b_releases", "hosts": hosts, "release": release, **costs}), flush=True)


def summarize(hosts: int, commit: str, costs: dict[str, list[Measurement]]) -> None:
    ratios = {
        f"{name}_ratio_of_{of}": round(
            combine(getattr(done, name) for done in costs["now"])
            / combine(getattr(done, name) for done in costs["before"]),
            3,
        )
        for name in ("seconds", "cpu_seconds", "peak_mib")
        for of, combine in (("medians", statistics.median), ("least", min))
    }
    print(json.dumps({"bench": "fg_b_releases", "hosts": hosts, "before": commit, **ratios}), flush=True)


if __name__ == "__main__":
    main()
