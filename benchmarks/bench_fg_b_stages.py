"""Where the processor time of FG-B goes, stage by stage: HOSTS=1000 python bench_fg_b_stages.py

One thread, so that a stage waits for nothing; the best of ROUNDS runs of each. JSON lines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import without_pandas  # noqa: F401
from bench_fg_b_data import COUNTS_AND_SUMS, DAYS, END, EXPECTED_ENDS, KEY_METRICS, METRICS, fg_a_files, publish

from ndr.contract.time import Interval
from ndr.jobs.fg_b import (
    active_slices,
    capping,
    disjoint_windows,
    each_horizon,
    placement,
    row_columns,
    selection,
    statistics,
)
from ndr.jobs.fg_b.baseline import Baseline, StatisticsRules
from ndr.jobs.fg_b.row_source import TEXT_COLUMNS, ParquetRows

IMPORTED = time.process_time()
# A stage's name, and the functions it stands for: the time in them, without that in the functions of other stages.
STAGES: dict[str, tuple[tuple[Any, str], ...]] = {
    "read and decode Parquet": ((ParquetRows, "read"),),
    "group rows and place them": ((statistics, "read_keys"), (statistics, "lay_out")),
    "values in order of places": ((row_columns, "_floats"),),
    "write to places": ((placement.Placement, "write"),),
    "judge key metrics": ((each_horizon, "anomalous_rows_of"),),
    "sort hosts": ((selection.SortedRuns, "sort"),),
    "percentiles and MAD of hosts": ((selection, "order_statistics"), (selection, "finite_counts")),
    "percentiles and MAD of segments": ((selection, "pooled_statistics"),),
    "leave capped rows out": ((capping.CappedRows, "statistics"),),
    "count disjoint windows": ((disjoint_windows.DisjointWindows, "with_value"),),
    "copy a column for segments": ((each_horizon, "metric_statistics"),),
    "find active slices": ((active_slices.Activity, "of"),),
}


class Clock:
    """The seconds of each stage, those of a stage within another taken out of the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._inner.append(0.0)
            begin = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                whole = time.process_time() - begin
                self.seconds[stage] += whole - self._inner.pop()
                self._inner[-1] += whole

        return call


def one_run(hosts: int) -> None:
    """Print the seconds of each stage of one run in this process."""
    clock = Clock()
    for stage, functions in STAGES.items():
        for owner, name in functions:
            setattr(owner, name, clock.timed(stage, getattr(owner, name)))
    files = [str(path) for path in fg_a_files(data(hosts), hosts)]
    baseline = Baseline("30d", Interval(END - timedelta(days=DAYS), END), EXPECTED_ENDS)
    begin = time.process_time()
    rules = StatisticsRules(METRICS, KEY_METRICS, counts_and_sums=COUNTS_AND_SUMS)
    tables = statistics.host_and_segment_baselines(ParquetRows(files, TEXT_COLUMNS), baseline, rules, threads=1)
    with tempfile.TemporaryDirectory() as folder:
        publish(tables.host, Path(folder) / "host.parquet")
        publish(tables.segment, Path(folder) / "segment.parquet")
    whole = time.process_time() - begin
    rest = whole - sum(clock.seconds.values())
    print(json.dumps({"start Python and import": IMPORTED, **clock.seconds, "the rest, and write the tables": rest}))


def data(hosts: int) -> Path:
    return Path(os.environ.get("BENCH_DATA", Path(tempfile.gettempdir()) / "ndr_bench")) / f"fg_a_{hosts}"


def main() -> None:
    hosts, rounds = int(os.environ.get("HOSTS", "1000")), int(os.environ.get("ROUNDS", "3"))
    if "--one" in sys.argv:
        one_run(hosts)
        return
    fg_a_files(data(hosts), hosts)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    runs = [
        json.loads(
            subprocess.run([sys.executable, __file__, "--one"], env=environment, capture_output=True, check=True).stdout
        )
        for _ in range(rounds)
    ]
    best = min(runs, key=lambda run: sum(run.values()))
    for stage, seconds in best.items():
        print(json.dumps({"bench": "fg_b_stages", "hosts": hosts, "stage": stage, "cpu_seconds": round(seconds, 3)}))


if __name__ == "__main__":
    main()
