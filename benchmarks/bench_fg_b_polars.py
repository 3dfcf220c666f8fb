"""FG-B in Polars: python bench_fg_b_polars.py OUTPUT FILE..."""

import sys
from pathlib import Path

import polars as pl
from bench_fg_b_data import EXPECTED_ENDS, KEY_METRICS, KEYS, METRICS, SPARED_FROM

output, *files = sys.argv[1:]
GROUP = list(KEYS[1:])
rows = pl.scan_parquet(files).with_columns(segment_id=pl.col("host_ip").str.replace(r"[0-9]+$", "0/24"))
beyond = [
    ((pl.col(f"{key}_dev") > 0) & ((pl.col(key) - pl.col(f"{key}_mid")).abs() / pl.col(f"{key}_dev") > 6)).fill_null(
        False
    )
    for key in KEY_METRICS
]


def judged(entity: str) -> pl.LazyFrame:
    """Mark the rows that a key metric caps in the groups of an entity."""
    bounds = rows.group_by(entity, *GROUP).agg(
        *(pl.col(key).median().alias(f"{key}_mid") for key in KEY_METRICS),
        *((pl.col(key) - pl.col(key).median()).abs().median().alias(f"{key}_dev") for key in KEY_METRICS),
    )
    marked = rows.join(bounds, on=[entity, *GROUP]).with_columns(beyond=pl.any_horizontal(beyond))
    is_spared = SPARED_FROM * pl.col("beyond").sum() > pl.len()
    spared = marked.group_by(entity, *GROUP).agg(is_spared.alias("is_spared"))
    return marked.join(spared, on=[entity, *GROUP]).with_columns(capped=pl.col("beyond") & ~pl.col("is_spared"))


def statistics(metric: str) -> list[pl.Expr]:
    kept = pl.col(metric).filter(~pl.col("capped"))
    percentiles = [
        kept.quantile(percent / 100, "linear").alias(f"{metric}_{name}")
        for name, percent in (("median", 50), ("p25", 25), ("p75", 75), ("p95", 95), ("p99", 99))
    ]
    deviation = (kept - kept.median()).abs().median().alias(f"{metric}_mad")
    return [*percentiles, deviation, pl.col(metric).count().alias(f"{metric}_support_count")]


for name, entity, observed in (
    ("host", "host_ip", pl.len()),
    ("segment", "segment_id", pl.col("window_end").n_unique()),
):
    expected = pl.col("time_band").replace_strict({band: ends for (band, _), ends in EXPECTED_ENDS.items()})
    (
        judged(entity)
        .group_by(entity, *GROUP)
        .agg(
            pl.len().alias("rows_cnt"),
            pl.col("capped").sum().alias("capped_rows_cnt"),
            observed.alias("observed"),
            *(each for metric in METRICS for each in statistics(metric)),
        )
        .with_columns(
            active_ratio=pl.col("observed") / expected,
            **{f"{metric}_iqr": pl.col(f"{metric}_p75") - pl.col(f"{metric}_p25") for metric in METRICS},
            **{f"{metric}_cold_start": pl.col(f"{metric}_support_count") < 50 for metric in METRICS},
        )
        .sort(entity, *GROUP)
        .collect()
        .write_parquet(Path(output) / f"{name}.parquet", compression="zstd")
    )
