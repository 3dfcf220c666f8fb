"""Reading of each source's logs, against DuckDB's reader that counts the same file.

    SIZE=300000 ROUNDS=3 python benchmarks/bench_sources.py

Compared are whole processes, from start to exit, imports included, on two processors. Ours reads as the delta builder:
it recognises, parses, converts and judges every row. The rival takes the same columns in the types of a flow, and every
row for good; it can't pair, quarantine or tell another kind of row. Both print the rows and the bytes, which are equal.
A file has SIZE lines (by default 5 M of PAN-OS with gzip, 1 M of the others): 50,000 connections, again and again. In
pan_os_quoted a seventh of the lines has a field with a comma, in quotes.

Rounds alternate. JSON lines, one a measurement; then one a source with the ratios of the medians, ours / DuckDB, and
the limit of that of processor time. `load_before` is the load average before the run: above a fraction of a processor,
the machine was busy with something else, and only processor time and memory tell anything.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench_sources_rivals import RIVALS
from measure import Measurement, measure
from tests.jobs.same_connections import LOGS, connections

from ndr.contract.time import Interval

FOLDER = Path(__file__).parent
FILES = {
    "pan_os": "pan-9.1.log.gz", "pan_os_quoted": "pan-9.1.log.gz", "vpc_flow_logs": "flow-v5.log",
    "zeek": "conn.log", "strata": "strata.json", "suricata": "eve.json", "ocsf": "ocsf.json",
    "integration": "part.json",
}  # fmt: skip
QUOTED = (b'"web, and more"', b"web")
"""A field with a comma, in a seventh of the PAN-OS lines, and what stands for it in the case without quotes."""

SIZES = {"pan_os": 5_000_000}
SIZE = 1_000_000
LIMITS = {"pan_os": 2.0, "pan_os_quoted": 2.0}
LIMIT = 3.0
DRAWN = 50_000
DAY = Interval.parse("2026-01-31", "2026-02-01")
FIGURES = ("seconds", "cpu_seconds", "peak_mib")


def write(case: str, path: Path, lines: int) -> None:
    """Write a log of so many lines, with its header once."""
    log = next(each for each in LOGS if each.name == FILES[case])
    content = log.write(connections(DRAWN, DAY), DAY)
    is_zipped = path.suffix == ".gz"
    content = gzip.decompress(content) if is_zipped else content
    drawn = (content.replace(*QUOTED) if case == "pan_os" else content).splitlines(keepends=True)
    head = {"vpc_flow_logs": 1, "zeek": 4}.get(case, 0)
    header, rows = drawn[:head], [line.rstrip(b"\n") + b"\n" for line in drawn[head:]]
    with gzip.open(path, "wb", compresslevel=1) if is_zipped else path.open("wb") as file:
        file.writelines(header)
        for begin in range(0, lines, len(rows)):
            file.writelines(rows[: lines - begin])


def run_ours(source: str, path: Path) -> Measurement:
    return measure([sys.executable, str(FOLDER / "bench_sources_ours.py"), str(path), source])


def run_duckdb(source: str, path: Path) -> Measurement:
    return measure([sys.executable, str(FOLDER / "bench_sources_duckdb.py"), RIVALS[source].query(str(path))])


def compare(case: str, folder: Path, lines: int, rounds: int) -> dict[str, float]:
    """Measure both by turns, and return the ratios of the medians."""
    path, source = folder / FILES[case], case.removesuffix("_quoted")
    write(case, path, lines)
    found: dict[str, list[Measurement]] = {"ours": [], "duckdb": []}
    for _ in range(rounds):
        for engine, run in (("ours", run_ours), ("duckdb", run_duckdb)):
            done = run(source, path)
            found[engine].append(done)
            figures = {name: round(getattr(done, name), 2) for name in FIGURES}
            print(json.dumps({"bench": "sources", "source": case, "lines": lines, "engine": engine} | figures))
        ours, rival = (json.loads(each[-1].output) for each in found.values())
        assert ours == rival, f"{source}: ours has {ours}, DuckDB {rival}"
        assert ours["rows"] == lines, f"{source}: {ours['rows']} rows of {lines} lines"
    path.unlink()
    medians = {
        name: [median(getattr(each, name) for each in measured) for measured in found.values()] for name in FIGURES
    }
    return {name: round(ours / rival, 2) for name, (ours, rival) in medians.items()}


def main() -> None:
    size, rounds, load = os.environ.get("SIZE"), int(os.environ.get("ROUNDS", "3")), os.getloadavg()[0]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])  # of this process and those it starts
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as scratch:
        for case in FILES:
            lines = int(size) if size else SIZES.get(case, SIZE)
            ratio = compare(case, Path(scratch), lines, rounds)
            limit = {"cpu_limit": LIMITS.get(case, LIMIT), "load_before": round(load, 1)}
            print(json.dumps({"bench": "sources", "source": case, "lines": lines, "ratio": ratio} | limit))


if __name__ == "__main__":
    main()
