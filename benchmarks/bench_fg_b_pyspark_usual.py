"""FG-B the usual PySpark way: python bench_fg_b_pyspark_usual.py OUTPUT FILE...

A `percentile` of each metric with groupBy, and a join wherever a statistic is needed row by row: for the medians and
deviations that capping looks at, and for each metric's median that its MAD is taken from. `percentile` is exact, which
`percentile_approx` is not, and takes all quantiles of a metric at once; judged rows are cached between their two uses.
"""

import sys
from functools import reduce
from operator import or_
from pathlib import Path

from bench_fg_b_data import EXPECTED_ENDS, KEY_METRICS, KEYS, METRICS, SPARED_FROM
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 (the name every Spark user knows)

output, *files = sys.argv[1:]
GROUP = list(KEYS[1:])
PERCENTS = {"p25": 25, "median": 50, "p75": 75, "p95": 95, "p99": 99}


def joined_medians(rows: DataFrame, entity: str, columns: dict[str, Column]) -> DataFrame:
    """Add to each row the medians, over its group, of some columns."""
    medians = rows.groupBy(entity, *GROUP).agg(*(F.percentile(of, 0.5).alias(name) for name, of in columns.items()))
    return rows.join(medians, [entity, *GROUP])


def judged(rows: DataFrame, entity: str) -> DataFrame:
    """Mark the rows that a key metric caps in the groups of an entity."""
    rows = joined_medians(rows, entity, {f"{key}_mid": F.col(key) for key in KEY_METRICS})
    away = {key: F.abs(F.col(key) - F.col(f"{key}_mid")) for key in KEY_METRICS}
    rows = joined_medians(rows, entity, {f"{key}_dev": away[key] for key in KEY_METRICS})
    beyond = [(F.col(f"{key}_dev") > 0) & (away[key] / F.col(f"{key}_dev") > 6) for key in KEY_METRICS]
    rows = rows.withColumn("beyond", reduce(or_, (F.coalesce(each, F.lit(False)) for each in beyond)))
    is_spared = SPARED_FROM * F.count_if("beyond") > F.count(F.lit(1))
    rows = rows.join(rows.groupBy(entity, *GROUP).agg(is_spared.alias("is_spared")), [entity, *GROUP])
    return rows.withColumn("capped", F.col("beyond") & ~F.col("is_spared")).select(*rows_of_interest, "capped")


def baselines(rows: DataFrame, entity: str, observed: Column) -> DataFrame:
    """Compute the statistics of one kind of group."""
    kept = {metric: F.when(~F.col("capped"), F.col(metric)) for metric in METRICS}
    rows = joined_medians(rows, entity, {f"{metric}_mid": kept[metric] for metric in METRICS})
    shares = F.array(*(F.lit(percent / 100) for percent in PERCENTS.values()))
    statistics = [
        each
        for metric in METRICS
        for each in (
            F.percentile(kept[metric], shares).alias(f"{metric}_at"),
            F.percentile(F.abs(kept[metric] - F.col(f"{metric}_mid")), 0.5).alias(f"{metric}_mad"),
            F.count(metric).alias(f"{metric}_support_count"),
        )
    ]
    counts = [
        F.count(F.lit(1)).alias("rows_cnt"),
        F.count_if("capped").alias("capped_rows_cnt"),
        observed.alias("observed"),
    ]
    found = rows.groupBy(entity, *GROUP).agg(*counts, *statistics)
    expected = reduce(
        lambda so_far, band: so_far.when(F.col("time_band") == band[0][0], band[1]), EXPECTED_ENDS.items(), F
    )
    found = found.select(
        *found.columns,
        (F.col("observed") / expected).alias("active_ratio"),
        *(
            F.col(f"{metric}_at")[at].alias(f"{metric}_{name}")
            for metric in METRICS
            for at, name in enumerate(PERCENTS)
        ),
    )
    return found.select(
        *found.columns,
        *((F.col(f"{metric}_p75") - F.col(f"{metric}_p25")).alias(f"{metric}_iqr") for metric in METRICS),
        *((F.col(f"{metric}_support_count") < 50).alias(f"{metric}_cold_start") for metric in METRICS),
    ).drop("observed", *(f"{metric}_at" for metric in METRICS))


spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "8g")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "8")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
segment = F.regexp_replace("host_ip", "[0-9]+$", "0/24")
fg_a = spark.read.parquet(*files).withColumn("segment_id", segment)
rows_of_interest = fg_a.columns
for part, entity, observed in (
    ("host", "host_ip", F.count(F.lit(1))),
    ("segment", "segment_id", F.count_distinct("window_end")),
):
    marked = judged(fg_a, entity).persist()
    published = baselines(marked, entity, observed).sort(entity, *GROUP)
    published.write.mode("overwrite").option("compression", "zstd").parquet(str(Path(output) / f"{part}.parquet"))
    marked.unpersist()
spark.stop()
