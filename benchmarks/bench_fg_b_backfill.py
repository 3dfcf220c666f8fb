"""A backfill of 30 days against 30 REGULAR runs of both horizons: HOSTS=300 python bench_fg_b_backfill.py

`backfill` builds what the schedules would have built (7d daily, 30d weekly), `backfill_daily` both horizons daily.
Every baseline of both is compared with its REGULAR run, value for value.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
from bench_fg_b_data import END, fg_a_files
from measure import Measurement, measure

from ndr.contract.time import DAY, Interval, baseline_ends

DAYS = 30
RUN = Path(__file__).parent / "bench_fg_b_backfill_run.py"


def main() -> None:
    hosts = int(os.environ.get("HOSTS", "300"))
    data = Path(os.environ.get("BENCH_DATA", Path(tempfile.gettempdir()) / "ndr_bench")) / f"fg_a_{hosts}_60"
    fg_a_files(data, hosts, days=60)
    span = Interval(END - (DAYS - 1) * DAY, END + timedelta(seconds=1))
    daily = [f"{end:%Y-%m-%d}" for end in baseline_ends(span, "daily")]
    weekly = [f"{end:%Y-%m-%d}" for end in baseline_ends(span, "weekly")]
    both = [f"{horizon}:{end}" for end in daily for horizon in ("7d", "30d")]
    scheduled = [f"7d:{end}" for end in daily] + [f"30d:{end}" for end in weekly]
    with tempfile.TemporaryDirectory() as scratch:
        regular = [run(data, Path(scratch) / "regular", [f"7d:{end}", f"30d:{end}"]) for end in daily]
        total = Measurement(
            sum(each.seconds for each in regular),
            sum(each.cpu_seconds for each in regular),
            max(each.peak_mib for each in regular),
            "",
        )
        report(hosts, "regular_x30", total, total)
        for engine, wanted in (("backfill", scheduled), ("backfill_daily", both)):
            report(hosts, engine, run(data, Path(scratch) / engine, wanted), total)
            check_same(Path(scratch) / engine, Path(scratch) / "regular", 2 * len(wanted))


def run(data: Path, output: Path, wanted: list[str]) -> Measurement:
    output.mkdir(exist_ok=True)
    return measure([sys.executable, str(RUN), str(output), str(data), *wanted])


def report(hosts: int, engine: str, done: Measurement, regular: Measurement) -> None:
    figures = {
        "seconds": round(done.seconds, 2),
        "cpu_seconds": round(done.cpu_seconds, 2),
        "peak_mib": round(done.peak_mib),
        "share_of_regular": round(done.seconds / regular.seconds, 3),
        "cpu_share_of_regular": round(done.cpu_seconds / regular.cpu_seconds, 3),
    }
    print(json.dumps({"bench": "fg_b_backfill", "hosts": hosts, "engine": engine, **figures}), flush=True)


def check_same(backfilled: Path, regular: Path, count: int) -> None:
    """Compare every backfilled table with the REGULAR run's.

    Raises
    ------
    AssertionError
        A table is missing or differs in any value.
    """
    files = sorted(backfilled.glob("*.parquet"))
    assert len(files) == count
    for file in files:
        assert pq.read_table(file).equals(pq.read_table(regular / file.name)), file.name


if __name__ == "__main__":
    main()
