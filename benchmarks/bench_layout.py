"""FG-B on the same rows in three layouts: HOSTS=300 python bench_layout.py

The rows are read from a bucket that counts requests (s3_directory.py). `cpu_ratio` and `request_ratio` compare with
the day layout, in turns in one run; processor time is the job's, without starting Python. The 7d baseline is built
once more from a bucket that answers each request after DELAY_MS. Baselines of all layouts are equal, value for value.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench_fg_b_job_data import END, METRICS
from bench_layout_data import LAYOUTS, publish_layouts
from measure import Measurement, measure

from ndr.contract.datasets import fg_b_tables
from ndr.store.catalog import newest_baseline
from ndr.store.publish import read_table

FOLDER = Path(__file__).parent
DATASETS = fg_b_tables(METRICS)
LIMITS = {"production": {"cpu_ratio": 1.3, "request_ratio": 1.5}, "slices": {"cpu_ratio": 3.0}}


def main() -> int:
    hosts, rounds = int(os.environ.get("HOSTS", "300")), int(os.environ.get("ROUNDS", "3"))
    delay = float(os.environ.get("DELAY_MS", "30")) / 1000
    data = Path(os.environ.get("BENCH_DATA", Path(tempfile.gettempdir()) / "ndr_bench")) / f"layout_{hosts}"
    data.mkdir(parents=True, exist_ok=True)
    publish_layouts(data, hosts)
    within = True
    with tempfile.TemporaryDirectory() as scratch:
        runs: dict[str, list[dict[str, float]]] = {layout: [] for layout in LAYOUTS}
        for number in range(rounds):
            for layout in LAYOUTS:
                figures = run(data / layout, Path(scratch) / f"{layout}_{number}", "30d", 0)
                runs[layout].append(figures)
                report(hosts, layout, "30d", 0, figures)
            check_same(Path(scratch), number)
        for layout in LAYOUTS[1:]:
            ratios = {
                f"{short}_ratio": round(typical(runs[layout], name) / typical(runs["days"], name), 2)
                for short, name in (("cpu", "job_cpu_seconds"), ("request", "requests"))
            }
            limits = LIMITS[layout]
            within &= all(ratios[name] <= limit for name, limit in limits.items())
            print(json.dumps({"bench": "layout", "hosts": hosts, "layout": layout, **ratios, "limits": limits}))
        for layout in LAYOUTS:
            output = Path(scratch) / f"{layout}_far"
            report(hosts, layout, "7d", delay, run(data / layout, output, "7d", delay))
    return int(not within)


def run(source: Path, output: Path, horizon: str, delay: float) -> dict[str, float]:
    """Build a baseline and return what it cost."""
    with bucket(source, delay) as url:
        os.environ["AWS_ENDPOINT_URL"] = url
        command = [str(FOLDER / "bench_layout_run.py"), "s3://bench", f"{output.as_uri()}/", horizon]
        done = measure([sys.executable, *command])
        with urllib.request.urlopen(f"{url}/_requests") as answer:
            counts = json.load(answer)
    return figures_of(done, counts)


def figures_of(done: Measurement, counts: dict[str, int]) -> dict[str, float]:
    job = json.loads(done.output)
    return {
        "job_seconds": round(job["job_seconds"], 2),
        "job_cpu_seconds": round(job["job_cpu_seconds"], 2),
        "cpu_seconds": round(done.cpu_seconds, 2),
        "peak_mib": round(done.peak_mib),
        "requests": sum(counts.values()),
        **{kind.lower(): count for kind, count in sorted(counts.items())},
    }


@contextmanager
def bucket(folder: Path, delay: float) -> Iterator[str]:
    """Serve a folder as a bucket and yield its endpoint."""
    command = [sys.executable, str(FOLDER / "s3_directory.py"), str(folder), str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.stdin.close()


def report(hosts: int, layout: str, horizon: str, delay: float, figures: dict[str, float]) -> None:
    facts = {"bench": "layout", "hosts": hosts, "layout": layout, "horizon": horizon, "delay_ms": round(delay * 1000)}
    print(json.dumps(facts | figures), flush=True)


def typical(runs: list[dict[str, float]], name: str) -> float:
    return median(each[name] for each in runs)


def check_same(scratch: Path, number: int) -> None:
    """Compare the tables of all layouts.

    Raises
    ------
    AssertionError
        A table differs in any value.
    """
    found = [newest_baseline((scratch / f"{layout}_{number}").as_uri(), "30d", END) for layout in LAYOUTS]
    for dataset in DATASETS:
        first, *others = (read_table(each.uri, each.manifest, dataset) for each in found if each)
        assert len(others) == len(LAYOUTS) - 1
        assert all(other.equals(first) for other in others), dataset.name


if __name__ == "__main__":
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}
    sys.exit(main())
