"""The floor under FG-B: read every column once and sort it once in host-sized blocks, with no grouping at all."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow.parquet as pq
import without_pandas  # noqa: F401
from bench_fg_b_data import DAYS, METRICS, SLICES_A_DAY

_, *files = sys.argv[1:]


def read_and_sort(metric: str) -> None:
    column = np.concatenate([pq.read_table(each, columns=[metric])[metric].to_numpy() for each in files])
    column.reshape(-1, DAYS * SLICES_A_DAY // 2).sort(axis=1)


with ThreadPoolExecutor(2) as pool:
    list(pool.map(read_and_sort, METRICS))
