"""Hosts of the day, ranked by the distance from their baseline."""

from __future__ import annotations

from typing import Any, Final

import duckdb

from benchmarks.detection.before.published import Published

WINDOWS: Final = ("1h", "8h", "24h")
METRICS: Final = (
    "sessions_cnt",
    "max_sessions_per_minute",
    "bytes_sent_sum",
    "bytes_recv_sum",
    "deny_cnt",
    "zero_reply_cnt",
    "rst_cnt",
    "high_risk_port_sessions_cnt",
    "admin_port_sessions_cnt",
    "fileshare_port_sessions_cnt",
    "peer_ip_nunique",
    "peer_port_nunique",
    "new_pair_cnt",
)
"""FG-A counts that attacks change: volume, failures, exposed services, breadth, novelty."""

_KEYS: Final = ("role", "time_band", "window_label")
_STATISTICS: Final = ("median", "mad", "iqr", "cold_start")
_FRAME_BYTES: Final = 1500

# The score grows with the distance from the median, so only the largest and smallest value of a group matter.
_EXTREMES: Final = """
    max({metric}) AS {metric}_max, arg_max(window_end, {metric}) AS {metric}_max_end,
    min({metric}) AS {metric}_min, arg_min(window_end, {metric}) AS {metric}_min_end
"""
_METRIC_ROWS: Final = """
    SELECT d.host_ip, d.role, d.window_label, '{metric}' AS metric, by_segment, {unit} AS unit,
           CASE WHEN by_segment THEN s.{metric}_median ELSE h.{metric}_median END AS median,
           CASE WHEN by_segment THEN s.{metric}_mad ELSE h.{metric}_mad END AS mad,
           CASE WHEN by_segment THEN s.{metric}_iqr ELSE h.{metric}_iqr END AS iqr,
           CASE WHEN by_segment THEN s.{metric}_cold_start ELSE h.{metric}_cold_start END AS cold,
           {metric}_max - median >= median - {metric}_min AS is_above,
           CASE WHEN is_above THEN {metric}_max ELSE {metric}_min END::DOUBLE AS value,
           CASE WHEN is_above THEN {metric}_max_end ELSE {metric}_min_end END AS window_end
    FROM day d
    LEFT JOIN host h USING (host_ip, role, time_band, window_label)
    LEFT JOIN segment s USING (segment_id, role, time_band, window_label),
    LATERAL (SELECT coalesce(d.is_cold_start OR h.{metric}_cold_start, true) AS by_segment)
    WHERE NOT cold AND median IS NOT NULL AND value IS NOT NULL
"""
_RANKED: Final = """
    WITH scored AS (
        SELECT *, abs(value - median) / greatest(
            CASE WHEN mad > 0 THEN 1.4826 * mad ELSE iqr / 1.349 END, unit, 0.05 * median
        ) AS score
        FROM compared
    ),
    best AS (
        SELECT * FROM scored
        QUALIFY row_number() OVER (
            PARTITION BY host_ip ORDER BY score DESC, metric, window_label, role, window_end
        ) = 1
    )
    SELECT host_ip, machine_name, role, window_label, epoch_us(window_end) AS window_end, metric,
           value, median, score, by_segment
    FROM best LEFT JOIN metadata USING (host_ip) ORDER BY score DESC, host_ip 
"""


def rank_hosts(published: Published) -> list[dict[str, Any]]:
    """Score the hosts of the day that have a machine of the inventory in their segment, one row a host."""
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
        _load(connection, published)
        metric_rows = " UNION ALL ".join(
            _METRIC_ROWS.format(metric=metric, unit=_FRAME_BYTES if metric.startswith("bytes_") else 1)
            for metric in METRICS
        )
        connection.execute(f"CREATE TEMP TABLE compared AS {metric_rows}")
        ranked = connection.execute(_RANKED)
        names = [column[0] for column in ranked.description]
        return [dict(zip(names, row, strict=True)) for row in ranked.fetchall()]


def _load(connection: duckdb.DuckDBPyConnection, published: Published) -> None:
    statistics = [f"{metric}_{statistic}" for metric in METRICS for statistic in _STATISTICS]
    rows = published.fg_a_rows(["host_ip", *_KEYS, "window_end", *METRICS])
    connection.register("fg_a", rows)
    connection.register("host", published.baseline_rows("host", ["host_ip", *_KEYS, *statistics]))
    connection.register("segment", published.baseline_rows("segment", ["segment_id", *_KEYS, *statistics]))
    connection.register("metadata", published.baseline_rows("ip_metadata"))
    connection.register("segments", published.segments(rows["host_ip"].unique().to_pylist()))
    known = published.baseline_rows("ip_metadata", ["host_ip", "machine_name"])
    named = known.filter(known["machine_name"].is_valid())["host_ip"].to_pylist()
    connection.register("own", published.segments(named))
    windows = ", ".join(f"'{window}'" for window in WINDOWS)
    extremes = ", ".join(_EXTREMES.format(metric=metric) for metric in METRICS)
    connection.execute(
        f"""CREATE TEMP TABLE day AS
        SELECT fg_a.host_ip, segment_id, {", ".join(_KEYS)}, coalesce(is_cold_start, true) AS is_cold_start, {extremes}
        FROM fg_a JOIN segments USING (host_ip) LEFT JOIN metadata USING (host_ip)
        WHERE window_label IN ({windows}) AND segment_id IN (SELECT segment_id FROM own) GROUP BY ALL"""
    )
