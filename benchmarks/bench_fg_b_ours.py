"""FG-B by this project's kernel: python bench_fg_b_ours.py OUTPUT FILE..."""

import sys
from datetime import timedelta
from pathlib import Path

import without_pandas  # noqa: F401
from bench_fg_b_data import COUNTS_AND_SUMS, DAYS, END, EXPECTED_ENDS, KEY_METRICS, METRICS, publish

from ndr.contract.time import Interval
from ndr.jobs.fg_b.baseline import Baseline, StatisticsRules
from ndr.jobs.fg_b.row_source import TEXT_COLUMNS, ParquetRows
from ndr.jobs.fg_b.statistics import host_and_segment_baselines

output, *files = sys.argv[1:]
window = Baseline("30d", Interval(END - timedelta(days=DAYS), END), EXPECTED_ENDS)
baselines = host_and_segment_baselines(
    ParquetRows(files, TEXT_COLUMNS),
    window,
    StatisticsRules(METRICS, KEY_METRICS, counts_and_sums=COUNTS_AND_SUMS),
    threads=2,
)
publish(baselines.host, Path(output) / "host.parquet")
publish(baselines.segment, Path(output) / "segment.parquet")
