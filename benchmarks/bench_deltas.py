"""Deltas, peer deltas and pair counts of 1 M flows, against one query for the delta counts alone, in DuckDB and chDB.

Compared are whole processes, from start to exit, imports included, each on two processors and the same eight files.

Ours is what DeltaBuilderStep and PairCountsBuilderStep do, the one after the other: read the files, judge every row,
quarantine, count, check and publish three tables with their manifest, then read the published peer deltas, count
pairs, check and publish. Only the job's frame is left out: fetching JobSpecs and logging.

The rivals are the query that one would write by hand for the first of these tables. It reads the columns in the
integration schema's types, takes every row for good and every text as it is written, checks nothing, and writes one
file. That all count alike is tested on its output, all columns of all rows. chDB runs where `make bench` has set up
its environment, .tools/bench.

Pandas is hidden from ours and DuckDB, as the Processing image has none (pyarrow imports it wherever it is installed).
Rounds alternate. One JSON line a measurement; the last ones hold, per rival and format, the ratios of the medians: of
wall time, of processor time, which stays comparable on a busy machine, and of peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import Measurement, measure

from ndr.contract.datasets import DELTAS, INTEGRATION
from ndr.contract.jobspecs.port_classes import PortClasses, transport_and_port
from ndr.contract.time import Interval, mini_batch_id

FORMATS = {"gz": "json.gz", "json": "jsonl", "parquet": "parquet"}
CHDB_PYTHON = Path(__file__).parents[1] / ".tools" / "bench" / "bin" / "python"
RIVALS = ("duckdb", "chdb") if CHDB_PYTHON.exists() else ("duckdb",)
FIGURES = ("seconds", "cpu_seconds", "peak_mib")
THREADS = 2
FILES = 8
DAY = Interval.parse("2026-01-01", "2026-01-02")
MINI_BATCH = mini_batch_id(DAY)
SQL_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "timestamp": "TIMESTAMPTZ"}


def flows(rows: int) -> pa.Table:
    """Draw a day of flows: 2,300 hosts, a fifth of them IPv6, 20,000 peers; few of each carry most of the flows."""
    draw = np.random.default_rng(7)
    hosts = np.array([f"10.0.{i // 250}.{i % 250 + 1}" for i in range(2000)] + [f"fd00::{i:x}" for i in range(1, 300)])
    peers = np.array([".".join(map(str, octets)) for octets in draw.integers(1, 223, (20_000, 4))])
    ports = np.array([443, 80, 53, 22, 445, 389, 88, 3389, 1433, 5432, 123, 8080, 25, 0])

    def pick(values: np.ndarray, scale: int) -> np.ndarray:
        return values[np.minimum((draw.pareto(0.8, rows) * scale).astype(int), len(values) - 1)]

    def word(words: list[str], shares: list[float]) -> np.ndarray:
        return np.array(words)[draw.choice(len(words), rows, p=shares)]

    start = int(DAY.start.timestamp() * 1e6) + np.sort(draw.integers(0, 86_400_000, rows)) * 1000
    end = start + draw.exponential(20_000, rows).astype(np.int64) * 1000
    columns = [
        pick(hosts, 20), draw.integers(1024, 65536, rows),
        np.where(draw.random(rows) < 0.4, pick(hosts, 10), pick(peers, 30)),
        np.where(draw.random(rows) < 0.95, ports[draw.geometric(0.35, rows) % 14], draw.integers(1024, 65536, rows)),
        draw.integers(40, 100_000, rows), draw.integers(40, 1_000_000, rows) * (draw.random(rows) < 0.9),
        pa.array(start, pa.timestamp("us", tz="UTC")), pa.array(end, pa.timestamp("us", tz="UTC")),
        word(["allow", "deny", "drop", "alert"], [0.9, 0.06, 0.03, 0.01]), word(["TRAFFIC", "THREAT"], [0.99, 0.01]),
        word(["tcp-fin", "tcp-rst-from-client", "aged-out", "policy-deny"], [0.5, 0.2, 0.25, 0.05]),
        word(["tcp", "udp", "icmp"], [0.7, 0.28, 0.02]),
    ]  # fmt: skip
    return pa.table(columns, INTEGRATION.column_names)


def write_files(folder: Path, rows: int) -> None:
    """Write the flows in each format, as a mini-batch of its own prefix."""
    table = flows(rows)
    iso = {name: f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%gZ') AS {name}" for name in ("event_start", "event_end")}
    places = {name: folder / name / MINI_BATCH for name in FORMATS}
    for place in places.values():
        place.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for number in range(FILES):
            begin, end = number * rows // FILES, (number + 1) * rows // FILES
            part = table.slice(begin, end - begin)
            pq.write_table(part, places["parquet"] / f"{number}.parquet")
            connection.register("part", part)
            text = f"SELECT * REPLACE ({', '.join(iso.values())}) FROM part"
            connection.execute(f"COPY ({text}) TO '{places['json']}/{number}.jsonl' (FORMAT json)")
            connection.execute(f"COPY ({text}) TO '{places['gz']}/{number}.json.gz' (FORMAT json, COMPRESSION gzip)")


def class_conditions() -> dict[str, str]:
    """Return the SQL condition of each port class, for DuckDB and ClickHouse."""

    def condition(item: str) -> str:
        transport, port = transport_and_port(item)
        of_port = f"destination_port = {port}"
        return f"({of_port} AND network_transport = '{transport}')" if transport else of_port

    return {name: " OR ".join(map(condition, items)) for name, items in PortClasses().model_dump().items()}


def query(files: str) -> str:
    """Return the rival: the delta counts of some files, in one query."""
    types = ", ".join(f"{column.name}: '{SQL_TYPES[column.type]}'" for column in INTEGRATION.columns)
    source = (
        f"read_parquet('{files}')"
        if files.endswith(".parquet")
        else f"read_json('{files}', format = 'newline_delimited', columns = {{{types}}})"
    )
    classes = ", ".join(
        f"count(*) FILTER ({condition}) AS {name}_port_sessions_cnt" for name, condition in class_conditions().items()
    )
    return f"""
        WITH flows AS (SELECT * FROM {source}),
        ends AS (
            SELECT source_ip AS host_ip, 'outbound' AS role, source_bytes AS sent, destination_bytes AS received, *
            FROM flows
            UNION ALL
            SELECT destination_ip, 'inbound', destination_bytes, source_bytes, * FROM flows),
        minutes AS (
            SELECT host_ip, role, date_trunc('minute', event_start) AS minute, count(*) AS sessions_cnt,
                count(*) FILTER (event_action = 'allow') AS allow_cnt,
                count(*) FILTER (event_action IN ('deny', 'drop')) AS deny_cnt,
                count(*) FILTER (event_action = 'alert') AS alert_cnt,
                count(*) FILTER (contains(event_reason, 'rst')) AS rst_cnt,
                count(*) FILTER (event_reason = 'aged-out') AS aged_out_cnt,
                count(*) FILTER (destination_bytes = 0) AS zero_reply_cnt,
                count(*) FILTER (event_end - event_start <= INTERVAL 1 SECOND) AS short_session_cnt,
                count(*) FILTER (event_name = 'THREAT') AS threat_cnt,
                count(*) FILTER (event_name = 'TRAFFIC') AS traffic_cnt,
                count(*) FILTER (network_transport = 'tcp') AS tcp_cnt,
                count(*) FILTER (network_transport = 'udp') AS udp_cnt,
                count(*) FILTER (network_transport IN ('icmp', 'ipv6-icmp')) AS icmp_cnt,
                sum(sent) AS bytes_sent_sum, sum(received) AS bytes_recv_sum, {classes},
                sum(epoch_us(event_end) - epoch_us(event_start)) / 1e6 AS duration_sum
            FROM ends GROUP BY ALL)
        SELECT host_ip, role, time_bucket(INTERVAL 15 MINUTE, minute) AS slice_start,
            max(sessions_cnt) AS max_sessions_per_minute,
            sum(COLUMNS(* EXCLUDE (host_ip, role, minute)))
        FROM minutes GROUP BY 1, 2, 3"""


def run_ours(folder: Path, file_format: str, output: Path) -> Measurement:
    shutil.rmtree(output, ignore_errors=True)
    script = Path(__file__).parent / "bench_deltas_ours.py"
    return measure([sys.executable, str(script), str(folder / file_format), MINI_BATCH, str(output)])


def run_duckdb(folder: Path, file_format: str, output: Path) -> Measurement:
    counts = query(f"{folder / file_format / MINI_BATCH}/*.{FORMATS[file_format]}")
    sql = f"SET TimeZone = 'UTC'; SET threads = {THREADS}; COPY ({counts}) TO '{output}' (FORMAT parquet)"
    return measure([sys.executable, str(Path(__file__).parent / "bench_deltas_duckdb.py"), sql])


def run_chdb(folder: Path, file_format: str, output: Path) -> Measurement:
    files = f"{folder / file_format / MINI_BATCH}/*.{FORMATS[file_format]}"
    ports = json.dumps(class_conditions())
    return measure([str(CHDB_PYTHON), str(Path(__file__).parent / "bench_deltas_chdb.py"), files, str(output), ports])


def assert_equal(ours: Path, rival: Path) -> None:
    """Compare both engines' deltas: all rows, the columns that the query counts; seconds to the microsecond."""
    counted_names = duckdb.sql(f"SELECT * FROM '{rival}' LIMIT 0").columns
    columns = ", ".join(
        f"CAST(round({column.name} * 1e6) AS BIGINT)" if column.type == "float64"
        else f"CAST({column.name} AS BIGINT)" if column.type == "int64"
        else column.name
        for column in DELTAS.columns if column.name in counted_names
    )  # fmt: skip
    published = f"SELECT {columns} FROM '{ours}/deltas/*/*/*/deltas-*.parquet'"
    counted = f"SELECT {columns} FROM '{rival}'"
    for one, other in ((published, counted), (counted, published)):
        ((odd,),) = duckdb.sql(f"SELECT count(*) FROM ({one} EXCEPT ALL {other})").fetchall()
        assert odd == 0, f"{odd} rows of {one} are not among {other}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # of this process and those it starts
    found: dict[tuple[str, str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_files(folder, arguments.rows)
        for _ in range(arguments.rounds):
            for file_format in FORMATS:
                cost = {"ours": run_ours(folder, file_format, folder / "ours")}
                for rival in RIVALS:
                    run = run_chdb if rival == "chdb" else run_duckdb
                    cost[rival] = run(folder, file_format, folder / f"{rival}.parquet")
                    assert_equal(folder / "ours", folder / f"{rival}.parquet")
                for engine, measured in cost.items():
                    figures = {name: round(value, 3) for name, value in asdict(measured).items() if name in FIGURES}
                    for name, value in figures.items():
                        found.setdefault((engine, file_format, name), []).append(value)
                    case = {"bench": "deltas", "engine": engine, "format": file_format, "rows": arguments.rows}
                    print(json.dumps(case | figures), flush=True)
    for rival in RIVALS:
        print(json.dumps({"bench": "deltas", "rows": arguments.rows, "rival": rival, "ratio": ratios(found, rival)}))


def ratios(found: dict[tuple[str, str, str], list[float]], rival: str) -> dict[str, dict[str, float]]:
    """Return ours / rival of the medians, by format and figure."""
    median = {key: statistics.median(values) for key, values in found.items()}
    return {
        file_format: {
            figure: round(median["ours", file_format, figure] / median[rival, file_format, figure], 2)
            for figure in FIGURES
        }
        for file_format in FORMATS
    }


if __name__ == "__main__":
    main()
