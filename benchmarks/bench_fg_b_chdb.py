"""FG-B in chDB, which is ClickHouse in this process: python bench_fg_b_chdb.py OUTPUT FILE...

A deviation needs the median first, so every statistic takes two passes over its rows, the second joined to the first.
"""

import sys
from pathlib import Path

from bench_fg_b_data import EXPECTED_ENDS, KEY_METRICS, METRICS, SPARED_FROM
from chdb import session

output, *files = sys.argv[1:]
GROUP = "role, time_band, window_label"
NAMES = ",".join(Path(file).name for file in files)
ROWS = f"""(
    SELECT *, replaceRegexpOne(host_ip, '[0-9]+$', '0/24') AS segment_id
    FROM file('{Path(files[0]).parent}/{{{NAMES}}}', Parquet))"""
database = session.Session()


def keep(table: str, query: str) -> None:
    """Keep the rows of a query in memory, in a table."""
    database.query(f"CREATE TABLE {table} ENGINE = Memory AS {query} SETTINGS max_threads = 2")


def each(of_metric: str, metrics: tuple[str, ...] = METRICS) -> str:
    """Write a list of columns: `of_metric` for each metric, named by `@`."""
    return ", ".join(of_metric.replace("@", metric) for metric in metrics)


database.query("CREATE DATABASE fg_b")
database.query("USE fg_b")
middles = each("quantileExactInclusive(0.5)(@) AS @_middle", KEY_METRICS)
spreads = each("any(@_middle) AS @_center, quantileExactInclusive(0.5)(abs(@ - @_middle)) AS @_spread", KEY_METRICS)
beyond = " OR ".join(
    "ifNull(@_spread > 0 AND abs(@ - @_center) / @_spread > 6, 0)".replace("@", key) for key in KEY_METRICS
)
expected = ", ".join(f"time_band = '{band}', {ends}" for (band, _), ends in EXPECTED_ENDS.items())
for name, entity, observed in (("host", "host_ip", "count()"), ("segment", "segment_id", "uniqExact(window_end)")):
    key = f"{entity}, {GROUP}"
    keep(f"{name}_middles", f"SELECT {key}, {middles} FROM {ROWS} GROUP BY {key}")
    keep(
        f"{name}_bounds",
        f"SELECT {key}, {spreads} FROM {ROWS} AS fg_a JOIN {name}_middles USING ({key}) GROUP BY {key}",
    )
    keep(
        f"{name}_spared",
        f"""SELECT {key}, {SPARED_FROM} * countIf({beyond}) > count() AS is_spared FROM {ROWS} AS fg_a
        JOIN {name}_bounds USING ({key}) GROUP BY {key}""",
    )
    keep(
        f"{name}_judged",
        f"""SELECT fg_a.*, NOT is_spared AND ({beyond}) AS capped FROM {ROWS} AS fg_a
        JOIN (SELECT * FROM {name}_bounds JOIN {name}_spared USING ({key})) AS bounds USING ({key})""",
    )
    percentiles = each("quantilesExactInclusiveIf(0.25, 0.5, 0.75, 0.95, 0.99)(@, NOT capped) AS @_at")
    keep(
        f"{name}_percentiles",
        f"""SELECT {key}, count() AS rows_cnt, countIf(capped) AS capped_rows_cnt,
            {observed} / multiIf({expected}, NULL) AS active_ratio, {percentiles}, {each("count(@) AS @_support_count")}
        FROM {name}_judged GROUP BY {key}""",
    )
    deviations = each("quantileExactInclusiveIf(0.5)(abs(@ - @_at[2]), NOT capped) AS @_mad")
    columns = each(
        "@_at[2] AS @_median, @_at[1] AS @_p25, @_at[3] AS @_p75, @_at[4] AS @_p95, @_at[5] AS @_p99, "
        "@_at[3] - @_at[1] AS @_iqr, @_mad, @_support_count, @_support_count < 50 AS @_cold_start"
    )
    database.query(
        f"""SELECT {key}, rows_cnt, capped_rows_cnt, active_ratio, {columns}
        FROM {name}_percentiles JOIN (
            SELECT {key}, {deviations} FROM {name}_judged JOIN {name}_percentiles USING ({key}) GROUP BY {key}
        ) AS deviations USING ({key})
        ORDER BY {key} INTO OUTFILE '{output}/{name}.parquet' TRUNCATE FORMAT Parquet
        SETTINGS max_threads = 2, output_format_parquet_compression_method = 'zstd'"""
    )
database.close()
