"""Seeded FG-A rows for the FG-B benchmark: 30 days of 15-minute windows, 20 metrics, a Parquet file a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

END = datetime(2026, 3, 31, tzinfo=UTC)
DAYS = 30
SLICES_A_DAY = 96
HOSTS_A_SEGMENT = 100
METRICS = tuple(f"metric_{number:02d}" for number in range(20))
KEY_METRICS = METRICS[:3]
COUNTS_AND_SUMS = frozenset(name for number, name in enumerate(METRICS) if number % 3 < 2)
SPARED_FROM = 5
"""A group of which more than one row in so many would be capped is not capped."""
KEYS = ("host_ip", "role", "time_band", "window_label")


def host_name(host: int) -> str:
    segment, member = divmod(host, HOSTS_A_SEGMENT)
    return f"10.{segment // 256}.{segment % 256}.{member + 1}"


def time_band(slice_of_day: int) -> str:
    return "working_hours" if 32 <= slice_of_day < 72 else "off_hours"


EXPECTED_ENDS = {("working_hours", "15m"): DAYS * 40, ("off_hours", "15m"): DAYS * 56}


def publish(table: pa.Table, path: Path) -> None:
    """Write a table of baselines as the jobs publish it."""
    text = [field.name for field in table.schema if pa.types.is_string(field.type)]
    pq.write_table(table, path, compression="zstd", compression_level=1, use_dictionary=text)


def fg_a_files(folder: Path, hosts: int, days: int = DAYS, last_end: datetime = END) -> list[Path]:
    """Write the days up to `last_end`, those that are not there yet; return the files in order of time."""
    folder.mkdir(parents=True, exist_ok=True)
    level = np.random.default_rng(1).lognormal(3, 1, hosts)
    files = []
    for back in range(days, 0, -1):
        day = last_end - timedelta(days=back)
        path = folder / f"{day:%Y-%m-%d}.parquet"
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            pq.write_table(_day(day, hosts, level), unfinished, compression="zstd")
            unfinished.rename(path)
        files.append(path)
    return files


def _day(day: datetime, hosts: int, level: np.ndarray) -> pa.Table:
    """Make a day's rows in the order that batches arrive: by window end, then host."""
    random = np.random.default_rng(day.toordinal())
    rows = hosts * SLICES_A_DAY
    names = pa.array([host_name(host) for host in range(hosts)])
    host = np.tile(np.arange(hosts), SLICES_A_DAY)
    bands = pa.array([time_band(each) for each in range(SLICES_A_DAY)])
    ends = np.datetime64(day.replace(tzinfo=None), "us") + np.arange(1, SLICES_A_DAY + 1) * np.timedelta64(15, "m")
    columns: dict[str, pa.Array] = {
        "host_ip": names.take(pa.array(host)),
        "role": pa.array(["outbound"] * rows),
        "time_band": bands.take(pa.array(np.repeat(np.arange(SLICES_A_DAY), hosts))),
        "window_label": pa.array(["15m"] * rows),
        "window_end": pa.array(np.repeat(ends, hosts)).cast(pa.timestamp("us", "UTC")),
    }
    for number, name in enumerate(METRICS):
        columns[name] = _metric(number, level[host], random)
    return pa.table(columns)


def _metric(number: int, level: np.ndarray, random: np.random.Generator) -> pa.Array:
    """Make counts (many ties), sums with a heavy tail, and ratios of which a few are null, in turn."""
    values = random.lognormal(0, 1, len(level)) * level
    values[random.random(len(level)) < 0.002] *= 100
    if number % 3 == 0:
        return pa.array(np.round(values))
    if number % 3 == 1:
        return pa.array(values * 1000)
    return pa.array(random.random(len(level)), mask=random.random(len(level)) < 0.02)
