"""FG-B against its rivals on the same generated data, interleaved: HOSTS=1000 ROUNDS=3 python bench_fg_b.py

Prints one JSON line for each measurement and a last one with the ratio to the best rival, and checks that every engine
published the same statistics. ENGINES chooses among ours, chdb, duckdb, polars, pyspark_usual and floor. chDB has an
environment of its own, .tools/bench, which `make bench` sets up. The usual PySpark way takes minutes: it runs in the
first round only, and up to PYSPARK_USUAL_HOSTS hosts (300). A rival that runs for RIVAL_SECONDS (300) is stopped and
not tried again. What is left out is said in a line with `skipped`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.parquet as pq
from bench_fg_b_data import COUNTS_AND_SUMS, KEYS, METRICS, fg_a_files
from measure import EngineTooSlowError, Measurement, measure

FOLDER = Path(__file__).parent
CHDB_PYTHON = FOLDER.parent / ".tools" / "bench" / "bin" / "python"
RELATIVE = 1e-12
RIVALS = ("chdb", "duckdb", "polars", "pyspark_usual")


def main() -> None:
    hosts, rounds = int(os.environ.get("HOSTS", "1000")), int(os.environ.get("ROUNDS", "3"))
    engines = list(those_that_run(os.environ.get("ENGINES", "ours,chdb,duckdb,polars,pyspark_usual,floor"), hosts))
    data = Path(os.environ.get("BENCH_DATA", Path(tempfile.gettempdir()) / "ndr_bench")) / f"fg_a_{hosts}"
    files = [str(path) for path in fg_a_files(data, hosts)]
    with tempfile.TemporaryDirectory() as scratch:
        done = measured(engines, rounds, hosts, Path(scratch), files)
        for rival in set(done) & set(RIVALS) if "ours" in done else ():
            check_same(Path(scratch) / "ours", Path(scratch) / rival)
    if "ours" in done:
        report(bench="fg_b", hosts=hosts, processor=processor(), **dict(ratios(done)))


def ratios(done: dict[str, list[Measurement]]) -> Iterator[tuple[str, float]]:
    """Yield how many times our medians the best rival takes, and how many times the floor we take."""
    for prefix, figure in (("", "seconds"), ("cpu_", "cpu_seconds")):
        medians = {engine: median(getattr(each, figure) for each in runs) for engine, runs in done.items()}
        rivals = [medians[engine] for engine in medians if engine in RIVALS]
        if rivals:
            yield f"{prefix}ratio_to_best_rival", round(min(rivals) / medians["ours"], 2)
        if "floor" in medians:
            yield f"{prefix}ratio_to_floor", round(medians["ours"] / medians["floor"], 2)


def processor() -> str:
    """Name the processor: how fast numpy sorts depends on its instructions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    widest = [name for name in ("avx512f", "avx2") if name in facts.get("flags", "").split()]
    model = f"{facts.get('model name', 'unknown')} family {facts.get('cpu family')} model {facts.get('model')}"
    return ", ".join([model, *widest[:1], f"{os.cpu_count()} cores"])


def measured(
    engines: list[str], rounds: int, hosts: int, scratch: Path, files: list[str]
) -> dict[str, list[Measurement]]:
    """Run the engines in turns, round after round; return the measurements of those that came to their end."""
    limit = float(os.environ.get("RIVAL_SECONDS", "300"))
    ended: dict[str, list[Measurement]] = {}
    for number in range(rounds):
        for engine in engines[:]:
            if number and engine == "pyspark_usual":
                continue
            output = scratch / engine
            output.mkdir(exist_ok=True)
            python = str(CHDB_PYTHON) if engine == "chdb" else sys.executable
            command = [python, str(FOLDER / f"bench_fg_b_{engine}.py"), str(output), *files]
            try:
                done = measure(command, limit)
            except EngineTooSlowError as stopped:
                engines.remove(engine)
                report(
                    bench="fg_b", hosts=hosts, engine=engine, skipped=f"{stopped} Set RIVAL_SECONDS to give it more."
                )
                continue
            ended.setdefault(engine, []).append(done)
            figures = {"seconds": done.seconds, "cpu_seconds": done.cpu_seconds, "peak_mib": done.peak_mib}
            report(bench="fg_b", hosts=hosts, engine=engine, **{k: round(v, 2) for k, v in figures.items()})
    return ended


def those_that_run(names: str, hosts: int) -> Iterator[str]:
    """Yield the named engines, without those that can't run here or would take too long."""
    for engine in names.split(","):
        if engine == "chdb" and not CHDB_PYTHON.exists():
            report(bench="fg_b", hosts=hosts, engine=engine, skipped="It is not installed: make .tools/bench/.ready")
            continue
        if engine != "pyspark_usual":
            yield engine
            continue
        most = int(os.environ.get("PYSPARK_USUAL_HOSTS", "300"))
        java = Path(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
        if not shutil.which(java):
            report(bench="fg_b", hosts=hosts, engine=engine, skipped="There is no Java here.")
        elif importlib.util.find_spec("pyspark") is None:
            report(bench="fg_b", hosts=hosts, engine=engine, skipped="PySpark is not installed here.")
        elif hosts > most:
            reason = f"It takes minutes, so it runs up to {most} hosts: set PYSPARK_USUAL_HOSTS={hosts} to run it."
            report(bench="fg_b", hosts=hosts, engine=engine, skipped=reason)
        else:
            yield engine


def report(**figures: object) -> None:
    print(json.dumps(figures), flush=True)


def check_same(ours: Path, theirs: Path) -> None:
    """Compare two engines' published statistics, row for row.

    Raises
    ------
    AssertionError
        A value differs by more than the last bits.
    """
    for name, entity in (("host", "host_ip"), ("segment", "segment_id")):
        keys = [(key, "ascending") for key in (entity, *KEYS[1:])]
        left, right = (pq.read_table(folder / f"{name}.parquet").sort_by(keys) for folder in (ours, theirs))
        assert left.num_rows == right.num_rows
        counts = ["rows_cnt", "capped_rows_cnt", "active_ratio"]
        statistics = ("median", "p25", "p75", "p95", "p99", "iqr", "mad", "support_count", "cold_start")
        # Every window has a row, so a p95 over all windows is that of the rows.
        same = {f"{metric}_p95_all": f"{metric}_p95" for metric in METRICS if metric in COUNTS_AND_SUMS}
        asked = [*counts, *(f"{metric}_{each}" for metric in METRICS for each in statistics), *same]
        for column in asked:
            ours_ = np.asarray(left[column], np.float64)
            theirs_ = np.asarray(right[same.get(column, column)], np.float64)
            np.testing.assert_allclose(ours_, theirs_, rtol=RELATIVE, atol=1e-11, err_msg=f"{name}.{column}")


if __name__ == "__main__":
    main()
