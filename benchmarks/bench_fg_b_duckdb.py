"""FG-B as the straightforward DuckDB query: python bench_fg_b_duckdb.py OUTPUT FILE..."""

import sys

import duckdb
from bench_fg_b_data import EXPECTED_ENDS, KEY_METRICS, METRICS, SPARED_FROM

output, *files = sys.argv[1:]
connection = duckdb.connect()
connection.execute("SET threads = 2")
connection.execute(
    f"CREATE VIEW fg_a AS SELECT *, regexp_replace(host_ip, '[0-9]+$', '0/24') AS segment_id FROM read_parquet({files})"
)
group = "role, time_band, window_label"
bounds = ", ".join(f"median({key}) AS {key}_mid, mad({key}) AS {key}_dev" for key in KEY_METRICS)
beyond = " OR ".join(
    f"coalesce({key}_dev > 0 AND abs({key} - {key}_mid) / {key}_dev > 6, false)" for key in KEY_METRICS
)
statistics = ", ".join(
    f"quantile_cont({metric}, [0.25, 0.5, 0.75, 0.95, 0.99]) FILTER (NOT capped) AS {metric}_percentiles, "
    f"mad({metric}) FILTER (NOT capped) AS {metric}_mad, count({metric}) AS {metric}_support_count"
    for metric in METRICS
)
columns = ", ".join(
    f"{metric}_percentiles[2] AS {metric}_median, {metric}_percentiles[1] AS {metric}_p25, "
    f"{metric}_percentiles[3] AS {metric}_p75, {metric}_percentiles[4] AS {metric}_p95, "
    f"{metric}_percentiles[5] AS {metric}_p99, {metric}_percentiles[3] - {metric}_percentiles[1] AS {metric}_iqr, "
    f"{metric}_mad, {metric}_support_count, {metric}_support_count < 50 AS {metric}_cold_start"
    for metric in METRICS
)
expected = " ".join(f"WHEN '{band}' THEN {ends}" for (band, _), ends in EXPECTED_ENDS.items())
for name, entity, observed in (
    ("host", "host_ip", "count(*)"),
    ("segment", "segment_id", "count(DISTINCT window_end)"),
):
    of_group = f"{entity}, {group}"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE bounds AS SELECT {of_group}, {bounds} FROM fg_a GROUP BY ALL")
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE spared AS
        SELECT {of_group}, {SPARED_FROM} * count(*) FILTER ({beyond}) > count(*) AS is_spared
        FROM fg_a JOIN bounds USING ({of_group}) GROUP BY ALL
        """
    )
    connection.execute(
        f"""
        COPY (
            WITH judged AS (
                SELECT fg_a.*, NOT is_spared AND ({beyond}) AS capped
                FROM fg_a JOIN bounds USING ({of_group}) JOIN spared USING ({of_group})
            ), grouped AS (
                SELECT {of_group}, count(*) AS rows_cnt, count(*) FILTER (capped) AS capped_rows_cnt,
                       {observed} AS observed, {statistics}
                FROM judged GROUP BY {of_group}
            )
            SELECT {of_group}, rows_cnt, capped_rows_cnt,
                   observed / CASE time_band {expected} END AS active_ratio, {columns}
            FROM grouped ORDER BY ALL
        ) TO '{output}/{name}.parquet' (COMPRESSION zstd)
        """
    )
