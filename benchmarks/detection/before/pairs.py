"""Rare pairs of the day, ranked by their excess over usual pairs."""

from __future__ import annotations

from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.detection.before.published import Published
from ndr.contract.time import DAY_MICROSECONDS, microseconds

USUAL_MIN: Final = 20
"""Number of usual pair-days from which on a source, or a segment, is the reference of its rare pairs."""

_PAIR: Final = "src_ip, dst_ip, dst_port"

# Days are numbered from the ranked day, which is 0. Earlier days are negative.
_PAIR_DAYS: Final = f"""
    CREATE TEMP TABLE pair_days AS
    SELECT {_PAIR}, day, sum(sessions_cnt) AS sessions, sum(bytes) AS bytes FROM pair_rows GROUP BY ALL
"""
_CLASSIFIED: Final = f"""
    CREATE TEMP TABLE classified AS
    SELECT {_PAIR}, segment_id, machine_name,
           CASE WHEN changes THEN s.is_rare_pair ELSE h.is_rare_pair END AS is_rare,
           CASE WHEN changes THEN s.active_days ELSE h.active_days END AS active_days,
           CASE WHEN changes THEN s.dst_prevalence ELSE h.dst_prevalence END AS dst_prevalence
    FROM (SELECT DISTINCT {_PAIR} FROM pair_days)
    LEFT JOIN metadata ON host_ip = src_ip
    JOIN segments ON segments.host_ip = src_ip
    LEFT JOIN pair_host h USING ({_PAIR})
    LEFT JOIN pair_segment s USING (segment_id, dst_ip, dst_port),
    LATERAL (SELECT coalesce(is_non_persistent_machine, false) AS changes)
"""
_USUAL: Final = """
    CREATE TEMP TABLE usual AS
    SELECT src_ip, segment_id, measure, ln(1 + value) AS x
    FROM (UNPIVOT pair_days ON sessions, bytes INTO NAME measure VALUE value)
    JOIN classified USING (src_ip, dst_ip, dst_port) WHERE NOT is_rare
"""
_SCALE: Final = """
    count(*) AS days, median(x) AS middle, greatest(
        CASE WHEN mad(x) > 0 THEN 1.4826 * mad(x)
             ELSE (quantile_cont(x, 0.75) - quantile_cont(x, 0.25)) / 1.349 END, ln(2)
    ) AS scale
"""
_RANKED: Final = f"""
    WITH of_source AS (SELECT src_ip, measure, {_SCALE} FROM usual GROUP BY ALL),
    of_segment AS (SELECT segment_id, measure, {_SCALE} FROM usual GROUP BY ALL),
    of_all AS (SELECT measure, {_SCALE} FROM usual GROUP BY ALL),
    day AS (
        SELECT {_PAIR}, sessions AS sessions_cnt, bytes AS bytes_sum, measure, value
        FROM (
            UNPIVOT (SELECT *, sessions AS s, bytes AS b FROM pair_days WHERE day = 0)
            ON s AS sessions, b AS bytes INTO NAME measure VALUE value
        )
    ), scored AS (
        SELECT {_PAIR}, machine_name, sessions_cnt, bytes_sum, measure, active_days, dst_prevalence,
               CASE WHEN a.days >= {USUAL_MIN} THEN 'source'
                    WHEN b.days >= {USUAL_MIN} THEN 'segment' ELSE 'all' END AS measured_by,
               CASE measured_by WHEN 'source' THEN a.middle WHEN 'segment' THEN b.middle ELSE c.middle END AS usual_ln,
               CASE measured_by WHEN 'source' THEN a.scale WHEN 'segment' THEN b.scale ELSE c.scale END AS ln_scale,
               (ln(1 + value) - usual_ln) / ln_scale AS score
        FROM day JOIN classified USING ({_PAIR})
        LEFT JOIN of_source a USING (src_ip, measure)
        LEFT JOIN of_segment b USING (segment_id, measure)
        JOIN of_all c USING (measure)
        WHERE is_rare
    )
    SELECT {_PAIR}, machine_name, sessions_cnt, bytes_sum, measure, exp(usual_ln) - 1 AS usual, score, measured_by,
           active_days, dst_prevalence
    FROM scored
    QUALIFY row_number() OVER (PARTITION BY {_PAIR} ORDER BY score DESC, measure) = 1
    ORDER BY score DESC, {_PAIR}
"""


def rank_pairs(published: Published) -> list[dict[str, Any]]:
    """Score the rare pairs of the day."""
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        _load(connection, published)
        for statement in (_PAIR_DAYS, _CLASSIFIED, _USUAL):
            connection.execute(statement)
        ranked = connection.execute(_RANKED)
        names = [column[0] for column in ranked.description]
        return [dict(zip(names, row, strict=True)) for row in ranked.fetchall()]


def _load(connection: duckdb.DuckDBPyConnection, published: Published) -> None:
    facts = ["active_days", "dst_prevalence", "is_rare_pair"]
    rows = published.pair_rows()
    since = pc.subtract(rows["slice_start"].cast(pa.int64()), microseconds(published.day.start))
    days = pc.floor(pc.divide(since.cast(pa.float64()), DAY_MICROSECONDS)).cast(pa.int64())
    connection.register("pair_rows", rows.drop_columns(["slice_start"]).append_column("day", days))
    connection.register("pair_host", published.baseline_rows("pair_host", ["src_ip", "dst_ip", "dst_port", *facts]))
    by_segment = published.baseline_rows("pair_segment", ["segment_id", "dst_ip", "dst_port", *facts])
    connection.register("pair_segment", by_segment)
    metadata = published.baseline_rows("ip_metadata", ["host_ip", "machine_name", "is_non_persistent_machine"])
    connection.register("metadata", metadata)
    connection.register("segments", published.segments(rows["src_ip"].unique().to_pylist()))
