"""FG-C: a million FG-A rows scored, against DuckDB joins of the same tables; JSON lines.

    PYTHONPATH=contract:spark_jobs python benchmarks/bench_fg_c.py --rows 1000000 --rounds 3

All get a day of FG-A rows, and of two horizons the baselines of hosts and segments and the profiles, in memory, and
make Arrow tables. Ours makes a row of 22 columns for each value of a metric and horizon, counts the hosts that are
unusual at once, looks for silent hosts, and combines all to one row for each host and window end, with its reasons and
a sentence. The joins bring what the scores keep of the baselines: five statistics of the host, or of its segment on
cold start, which of both it is, and the profile's second highest value. `duckdb_wide` makes a row for each FG-A row
with all of these beside each other, `duckdb_long` the same rows as ours. All have two threads; the
long join, which takes the longest, runs once.

The values and statistics are random. A sixth of the values is beyond p99, where it should be a hundredth, so that
almost each host and window end has five reasons to write down: that is the dear case for ours. The joins do not care.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from ndr.contract.datasets import (
    FG_A,
    FG_B_PROFILE,
    PROFILE_METRICS,
    PROFILE_WINDOWS,
    SCORED_METRICS,
    SCORED_WINDOWS,
    fg_b_host,
    fg_b_segment,
)
from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import SLICE, microseconds, slice_number
from ndr.jobs.fg_a.business_time import calendar_columns
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.judges import GROUP, HorizonBaseline
from ndr.jobs.fg_c.parts import ScoringRules, scored_tables
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.net.networks import segment_ids
from ndr.store.schema import arrow_schema

MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
BANDS = ("working_hours", "night")
PREFIXES = {name: f"file:///{name}/" for name in ("fg_a", "pair_counts", "fg_b")}
SPEC = FgCBuilderSpec.model_validate({"inputs": PREFIXES, "outputs": {"fg_c": "file:///fg_c/"}})
STATISTICS = ("median", "mad", "p95", "p99", "support_count")


def hosts_of(rows: int) -> list[str]:
    """Hosts that have so many rows in a day, in two roles and three windows."""
    count = max(1, rows // (2 * len(SCORED_WINDOWS) * 96))
    return [f"10.{number // 62500}.{number // 250 % 250}.{number % 250 + 1}" for number in range(count)]


def feature_rows(hosts: list[str], seed: int = 7) -> pa.Table:
    """A day of FG-A rows in the order of their key, with the columns that are scored."""
    random = np.random.default_rng(seed)
    shape = (len(hosts), 2, len(SCORED_WINDOWS), 96)
    host, role, window, end = (each.ravel() for each in np.indices(shape))
    metrics = {metric: pa.array(random.integers(0, 1 << 20, host.size)) for metric in SCORED_METRICS}
    ends = pa.array([MIDNIGHT + (number + 1) * SLICE for number in range(96)], pa.timestamp("us", tz="UTC"))
    columns = {
        "host_ip": pa.array(sorted(hosts)).take(pa.array(host)),
        "role": pa.array(["inbound", "outbound"]).take(pa.array(role)),
        "window_label": pa.array(sorted(SCORED_WINDOWS)).take(pa.array(window)),
        "window_end": ends.take(pa.array(end)),
        "time_band": pa.array(BANDS).take(pa.array((end < 32).astype(np.int64))),
        **metrics,
    }
    return pa.table(columns, schema=pa.schema([arrow_schema(FG_A).field(name) for name in columns]))


def baseline(horizon: str, days: int, hosts: list[str], segments: list[str], seed: int) -> HorizonBaseline:
    """A baseline of every host and segment; a tenth of the hosts' rows is cold."""
    random = np.random.default_rng(seed)
    tables = []
    for name, entities, schema, cold in (
        ("host_ip", hosts, arrow_schema(fg_b_host(SCORED_METRICS)), 0.1),
        ("segment_id", segments, arrow_schema(fg_b_segment(SCORED_METRICS)), 0.0),
    ):
        entity, role, band, window = (each.ravel() for each in np.indices((len(entities), 2, 2, len(SCORED_WINDOWS))))
        columns = {
            name: pa.array(entities).take(pa.array(entity)),
            "role": pa.array(["inbound", "outbound"]).take(pa.array(role)),
            "time_band": pa.array(BANDS).take(pa.array(band)),
            "window_label": pa.array(sorted(SCORED_WINDOWS)).take(pa.array(window)),
            "active_ratio": pa.array(np.full(entity.size, 0.5)),
            "rows_cnt": pa.array(np.full(entity.size, 300)),
        }
        for metric in SCORED_METRICS:
            ranks = np.sort(random.integers(0, 1 << 20, (entity.size, 5)).astype(np.float64), axis=1)
            p25, median, p75, p95, p99 = ranks.T
            columns |= {
                f"{metric}_{statistic}": pa.array(values)
                for statistic, values in {
                    "p25": p25, "median": median, "p75": p75, "p95": p95, "p99": p99, "iqr": p75 - p25,
                    "mad": (p75 - p25) / 2, "support_count": random.integers(50, 500, entity.size),
                    "cold_start": random.random(entity.size) < cold,
                }.items()
            }  # fmt: skip
        tables.append(pa.table({key: columns[key] for key in columns if key in schema.names}))
    end = MIDNIGHT - timedelta(days=days)
    return HorizonBaseline(horizon, end, *tables, profile=profile(horizon, end, hosts, seed))


def profile(horizon: str, end: datetime, hosts: list[str], seed: int) -> pa.Table:
    """Every hour of every host; half of the days are high."""
    random, days = np.random.default_rng(seed), int(horizon[:-1])
    host, role, window, hour = (each.ravel() for each in np.indices((len(hosts), 2, len(PROFILE_WINDOWS), 24)))
    columns = {
        "host_ip": pa.array(hosts).take(pa.array(host)),
        "role": pa.array(["inbound", "outbound"]).take(pa.array(role)),
        "window_label": pa.array(PROFILE_WINDOWS).take(pa.array(window)),
        "hour_of_day": pa.array(hour),
        "baseline_horizon": pa.array([horizon]).take(pa.array(np.zeros(hour.size, np.int64))),
        "baseline_end": pa.array(np.full(hour.size, microseconds(end))).cast(pa.timestamp("us", "UTC")),
        "days_observed": pa.array(np.full(hour.size, days)),
        "observed_days_mask": pa.array(np.full(hour.size, (1 << days) - 1)),
    }
    for metric in PROFILE_METRICS:
        mask = random.integers(0, 1 << days, hour.size)
        columns |= {
            f"{metric}_high_days_share": pa.array(np.bitwise_count(mask) / days),
            f"{metric}_high_days_mask": pa.array(mask),
            f"{metric}_second_highest": pa.array(random.integers(0, 1 << 20, hour.size).astype(np.float64)),
        }
    return pa.table(columns).select(FG_B_PROFILE.column_names).cast(arrow_schema(FG_B_PROFILE))


def ours(rows: pa.Table, baselines: list[HorizonBaseline]) -> int:
    """Score the rows; return how many rows there are."""
    rules = ScoringRules(SPEC, Networks(), dict.fromkeys(SCORED_WINDOWS, 50))
    ends = [MIDNIGHT + (number + 1) * SLICE for number in range(96)]
    bands = calendar_columns(np.array([slice_number(end) for end in ends]), Calendar())["time_band"].to_pylist()
    of_end = {microseconds(end): band for end, band in zip(ends, bands, strict=True)}
    told = dict.fromkeys(SCORED_WINDOWS, of_end)
    tables = scored_tables(FeatureRows.of(rows), told, baselines, rules, Calibration(np.zeros(0), 1))
    return sum(scores.num_rows for scores, _ in tables)


def joins(each: HorizonBaseline, connection: duckdb.DuckDBPyConnection) -> str:
    """Register the tables of a baseline and return their joins with fg_a."""
    keys = ", ".join(GROUP)
    for name in ("host", "segment", "profile"):
        connection.register(f"{name}_{each.horizon}", getattr(each, name))
    hour = f"hour_{each.horizon}"
    return (
        f" LEFT JOIN host_{each.horizon} USING (host_ip, {keys})"
        f" LEFT JOIN segment_{each.horizon} USING (segment_id, {keys})"
        f" LEFT JOIN profile_{each.horizon} {hour} ON {hour}.host_ip = fg_a.host_ip AND {hour}.role = fg_a.role"
        f" AND {hour}.window_label = fg_a.window_label"
        f" AND {hour}.hour_of_day = hour((fg_a.window_end - INTERVAL 15 MINUTE) AT TIME ZONE 'UTC')"
    )


def chosen(metric: str, horizon: str, prefix: str, suffix: str) -> str:
    """Return the columns that a metric has of a baseline: whose they are, the statistics and the profile's value."""
    host, segment = f"host_{horizon}", f"segment_{horizon}"
    cold = f"{host}.{metric}_cold_start"
    highest = f"hour_{horizon}.{metric}_second_highest" if metric in PROFILE_METRICS else "NULL::DOUBLE"
    statistics = [
        f"CASE WHEN {cold} THEN {segment}.{metric}_{name} ELSE {host}.{metric}_{name} END AS {prefix}{name}{suffix}"
        for name in STATISTICS
    ]
    judge = f"CASE WHEN {cold} THEN 1 ELSE 0 END AS {prefix}judge{suffix}"
    return ", ".join([*statistics, judge, f"{highest} AS {prefix}highest{suffix}"])


def wide_join(rows: pa.Table, baselines: list[HorizonBaseline], segments: pa.Table) -> int:
    """Join each row with its baselines' statistics, once for all metrics; return how many rows there are."""
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("fg_a", rows)
        connection.register("segments", segments)
        sources = "".join(joins(each, connection) for each in baselines)
        columns = [
            chosen(metric, each.horizon, f"{metric}_", f"_{each.horizon}")
            for each in baselines
            for metric in SCORED_METRICS
        ]
        query = f"SELECT fg_a.*, {', '.join(columns)} FROM fg_a JOIN segments USING (host_ip){sources}"
        return int(connection.sql(query).arrow().read_all().num_rows)


def long_join(rows: pa.Table, baselines: list[HorizonBaseline], segments: pa.Table) -> int:
    """Join each value with its baseline's statistics, in one query; return how many rows there are."""
    keys = ", ".join(f"fg_a.{name}" for name in GROUP)
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("fg_a", rows)
        connection.register("segments", segments)
        selects = []
        for each in baselines:
            sources = joins(each, connection)
            selects += [
                f"SELECT fg_a.host_ip, {keys}, window_end, '{metric}' AS metric, '{each.horizon}' AS horizon, "
                f"fg_a.{metric} AS value, {chosen(metric, each.horizon, '', '')} "
                f"FROM fg_a JOIN segments USING (host_ip){sources}"
                for metric in SCORED_METRICS
            ]
        return int(connection.sql(" UNION ALL ".join(selects)).arrow().read_all().num_rows)


def seconds_of(work: Callable[[], int]) -> tuple[float, float, int]:
    """Return wall seconds, CPU seconds and the rows made."""
    began, cpu = time.perf_counter(), time.process_time()
    made = work()
    return time.perf_counter() - began, time.process_time() - cpu, made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    hosts = hosts_of(asked.rows)
    rows = feature_rows(hosts)
    of_host = pa.table({"host_ip": hosts, "segment_id": segment_ids(hosts, Networks()).cast(pa.string())})
    names = sorted(set(of_host["segment_id"].to_pylist()))
    baselines = [baseline("7d", 1, hosts, names, 1), baseline("30d", 3, hosts, names, 2)]
    engines = {
        "ours": lambda: ours(rows, baselines),
        "duckdb_long": lambda: long_join(rows, baselines, of_host),
        "duckdb_wide": lambda: wide_join(rows, baselines, of_host),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    for number in range(asked.rounds):
        for name, work in engines.items():
            if name == "duckdb_long" and number:
                continue
            wall, cpu, made = seconds_of(work)
            found[name].append((wall, cpu))
            print(
                json.dumps(
                    {"engine": name, "round": number, "fg_a_rows": rows.num_rows, "rows_made": made,
                     "seconds": round(wall, 3), "cpu_seconds": round(cpu, 3),
                     "load": round(os.getloadavg()[0], 1)}
                ),
                flush=True,
            )  # fmt: skip
    medians = {name: [statistics.median(each) for each in zip(*values, strict=True)] for name, values in found.items()}
    for rival in ("duckdb_long", "duckdb_wide"):
        wall, cpu = (mine / other for mine, other in zip(medians["ours"], medians[rival], strict=True))
        print(json.dumps({"rival": rival, "ratio": round(wall, 3), "cpu_ratio": round(cpu, 3)}))


if __name__ == "__main__":
    main()
