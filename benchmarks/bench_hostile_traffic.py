"""Traffic that costs memory: a scanner, a long line, out-of-batch rows, five million flows, 20,000 files.

Each case is a batch of its own, and each job a process of its own on two processors. One JSON line a job: its wall and
processor time, its peak memory, the rows it used and quarantined, and the limit. The last line has the ratios of
out-of-batch rows to the same rows in their batch. It fails when a case exceeds its limit.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bench_deltas import flows
from measure import Measurement, measure

from ndr.contract.time import DAY, SLICE, Interval, format_instant, mini_batch_id

LIMIT_MIB: Final = 2048
OUT_OF_BATCH_RATIO: Final = 1.3
THREADS: Final = 2
FIRST_DAY: Final = Interval.parse("2026-01-01", "2026-01-02")  # of bench_deltas
FIRST_SLICE: Final = Interval(FIRST_DAY.start, FIRST_DAY.start + SLICE)
LATER: Final = Interval(FIRST_DAY.end + DAY, FIRST_DAY.end + DAY + SLICE)
OUT_OF_BATCH: Final = {"out_of_batch_day": "day_in_batch", "out_of_batch_slice": "slice_in_batch"}


@dataclass(frozen=True)
class Case:
    """A batch, what writes its files into a folder, and the jobs to run over it."""

    name: str
    batch: Interval
    write: Callable[[Path, int], None]
    size: int
    jobs: tuple[str, ...] = ("delta",)


def within(table: pa.Table, batch: Interval) -> pa.Table:
    """Move the starts of a day's flows into a batch; each flow keeps its order and lasts a second."""
    start = table["event_start"].cast(pa.int64()).to_numpy()
    share = (start - start.min()) / max(1, np.ptp(start))
    micros = int(batch.start.timestamp() * 1e6) + (share * (batch.duration.total_seconds() * 1e6 - 1)).astype(np.int64)
    instants = [pa.array(each, pa.timestamp("us", tz="UTC")) for each in (micros, micros + 1_000_000)]
    for name, column in zip(("event_start", "event_end"), instants, strict=True):
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def write_json(table: pa.Table, path: Path) -> None:
    """Write flows as JSON lines, with times as text."""
    iso = [f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%gZ') AS {name}" for name in ("event_start", "event_end")]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("part", table)
        connection.execute(f"COPY (SELECT * REPLACE ({', '.join(iso)}) FROM part) TO '{path}' (FORMAT json)")


def scanner(folder: Path, peers: int) -> None:
    """One host connects to each of many addresses once."""
    number = np.arange(peers)
    found = pa.array([f"{10 + n // 2**16}.{n // 2**8 % 256}.{n % 256}.7" for n in number.tolist()])
    table = flows(peers)
    for name, column in {"source_ip": pa.array(["10.0.0.1"] * peers), "destination_ip": found}.items():
        table = table.set_column(table.schema.get_field_index(name), name, column)
    write_json(within(table, LATER), folder / "0.jsonl")


def long_line(folder: Path, line_bytes: int) -> None:
    """One line of many bytes between two flows, in a gzip file of a thousandth of its size."""
    write_json(within(flows(2), LATER), folder / "two.jsonl")
    first, second = (folder / "two.jsonl").read_bytes().splitlines()
    (folder / "two.jsonl").unlink()
    with gzip.open(folder / "0.json.gz", "wb") as file:
        file.write(first + b'\n{"event_reason": "')
        for _ in range(line_bytes >> 20):
            file.write(b"a" * (1 << 20))
        file.write(b'", ' + first[1:] + b"\n" + second + b"\n")


def a_day(folder: Path, rows: int) -> None:
    """Flows of a day."""
    write_json(flows(rows), folder / "0.jsonl")


def a_slice(folder: Path, rows: int) -> None:
    """Flows of one slice."""
    write_json(within(flows(rows), FIRST_SLICE), folder / "0.jsonl")


def many_flows(folder: Path, rows: int) -> None:
    """Flows of one batch in eight Parquet files."""
    table, part = within(flows(rows), LATER), rows // 8
    for number in range(8):
        pq.write_table(table.slice(number * part, part), folder / f"{number}.parquet")


def small_files(folder: Path, files: int) -> None:
    """Ten flows a file."""
    write_json(within(flows(10 * files), LATER), folder / "all.jsonl")
    lines = (folder / "all.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "all.jsonl").unlink()
    for number in range(files):
        (folder / f"{number:05d}.jsonl").write_bytes(b"".join(lines[number * 10 : number * 10 + 10]))


CASES: Final = (
    Case("scanner", LATER, scanner, 500_000, ("delta", "fg_a", "pair_counts")),
    Case("long_line", LATER, long_line, 200 << 20),
    Case("day_in_batch", FIRST_DAY, a_day, 250_000),
    Case("out_of_batch_day", LATER, a_day, 250_000),
    Case("slice_in_batch", FIRST_SLICE, a_slice, 250_000),
    Case("out_of_batch_slice", LATER, a_slice, 250_000),
    Case("many_flows", LATER, many_flows, 5_000_000),
    Case("small_files", LATER, small_files, 20_000),
)


def run(job: str, folder: Path, batch: Interval) -> Measurement:
    """Run a job over a batch in a process of its own."""
    script = Path(__file__).parent / "bench_hostile_traffic_run.py"
    return measure([sys.executable, str(script), job, str(folder), *map(format_instant, (batch.start, batch.end))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[case.name for case in CASES])
    chosen = parser.parse_args().cases
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # of this process and those it starts
    peak: dict[str, float] = {}
    for case in CASES:
        if case.name not in chosen:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, "v1", "integration", mini_batch_id(case.batch))
            folder.mkdir(parents=True)
            case.write(folder, case.size)
            for job in case.jobs:
                cost = run(job, Path(scratch), case.batch)
                used, quarantined, published = map(int, cost.output.splitlines()[-1].split())
                print(
                    json.dumps(
                        {
                            **{"bench": "hostile_traffic", "case": case.name, "job": job, "size": case.size},
                            **{"rows_used": used, "rows_quarantined": quarantined, "rows_published": published},
                            **{"seconds": round(cost.seconds, 2), "cpu_seconds": round(cost.cpu_seconds, 2)},
                            **{"peak_mib": round(cost.peak_mib, 1), "limit_mib": LIMIT_MIB},
                        }
                    ),
                    flush=True,
                )
                peak[case.name] = max(peak.get(case.name, 0), cost.peak_mib)
    over = [name for name, mib in peak.items() if mib > LIMIT_MIB]
    ratio = {
        name: round(peak[name] / peak[inside], 2)
        for name, inside in OUT_OF_BATCH.items()
        if {name, inside} <= peak.keys()
    }
    if ratio:
        print(json.dumps({"bench": "hostile_traffic", "ratio": ratio, "limit": OUT_OF_BATCH_RATIO}))
    over += [name for name, times in ratio.items() if times > OUT_OF_BATCH_RATIO]
    if over:
        sys.exit(f"over the limit: {', '.join(over)}")


if __name__ == "__main__":
    main()
