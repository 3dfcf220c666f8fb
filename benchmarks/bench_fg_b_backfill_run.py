"""FG-B for ends of a backfill: python bench_fg_b_backfill_run.py OUTPUT FOLDER HORIZON:END...

One process builds all the given baselines from FOLDER's daily files, reading each needed day once.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import without_pandas  # noqa: F401
from bench_fg_b_data import COUNTS_AND_SUMS, KEY_METRICS, METRICS, publish, time_band

from ndr.contract.horizons import HORIZONS
from ndr.contract.time import Interval
from ndr.jobs.fg_b.baseline import Baseline, StatisticsRules
from ndr.jobs.fg_b.row_source import TEXT_COLUMNS, ParquetRows
from ndr.jobs.fg_b.statistics import tables_of_baselines
from ndr.jobs.fg_b.targets import Target, chunks

output, folder, *wanted = sys.argv[1:]
BANDS = [time_band(each) for each in range(96)]


def target(text: str) -> Target:
    horizon, day = text.split(":")
    return Target(datetime.fromisoformat(day).replace(tzinfo=UTC), horizon)


def window(of: Target) -> Baseline:
    length = HORIZONS[of.horizon]
    expected = {(band, "15m"): BANDS.count(band) * length.days for band in set(BANDS)}
    return Baseline(of.horizon, Interval(of.end - length, of.end), expected)


for chunk in chunks([target(each) for each in wanted], timedelta(days=30)):
    windows = [window(each) for each in chunk]
    first = min(each.interval.start for each in windows)
    days = range((chunk[-1].end - first).days)
    names = [Path(folder) / f"{first + timedelta(days=day):%Y-%m-%d}.parquet" for day in days]
    rows = ParquetRows([str(name) for name in names], TEXT_COLUMNS)
    results = tables_of_baselines(
        rows, windows, StatisticsRules(METRICS, KEY_METRICS, counts_and_sums=COUNTS_AND_SUMS), threads=2
    )
    for each, baselines in zip(chunk, results, strict=True):
        for part, table in (("host", baselines.host), ("segment", baselines.segment)):
            publish(table, Path(output) / f"{each.horizon}_{each.end:%Y-%m-%d}_{part}.parquet")
