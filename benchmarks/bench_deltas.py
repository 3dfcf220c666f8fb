"""Deltas, peer deltas and pair counts of 1 M flows, against one DuckDB query for the delta counts alone.

Ours reads the files, judges every row, quarantines, counts and writes four Parquet tables. The rival is the query that
one would write by hand for the first of them, on the same files. Each measurement is a process of its own, timed after
its imports, and pandas is hidden from both engines, as the Processing image has none (pyarrow imports it wherever it is
installed). Rounds alternate. One JSON line a measurement; the last holds, per format, the ratios of the medians: of
wall time, and of processor time, which stays comparable on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import without_pandas  # noqa: F401
from pyarrow import fs

from ndr.contract.datasets import INTEGRATION
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec, PortClasses
from ndr.contract.time import Interval
from ndr.jobs.deltas import build_deltas, read_integration, split
from ndr.jobs.pair_counts import build_pair_counts

FORMATS = {"gz": "json.gz", "json": "jsonl", "parquet": "parquet"}
THREADS = 2
FILES = 8
DAY = Interval.parse("2026-01-01", "2026-01-02")
SQL_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "timestamp": "TIMESTAMPTZ"}
PREFIXES = {"inputs": {"integration": "file:///integration/"}, "outputs": {"deltas": "file:///deltas/"}}


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
    table = flows(rows)
    iso = {name: f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%gZ') AS {name}" for name in ("event_start", "event_end")}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for number in range(FILES):
            begin, end = number * rows // FILES, (number + 1) * rows // FILES
            part = table.slice(begin, end - begin)
            pq.write_table(part, folder / f"{number}.parquet")
            connection.register("part", part)
            text = f"SELECT * REPLACE ({', '.join(iso.values())}) FROM part"
            connection.execute(f"COPY ({text}) TO '{folder}/{number}.jsonl' (FORMAT json)")
            connection.execute(f"COPY ({text}) TO '{folder}/{number}.json.gz' (FORMAT json, COMPRESSION gzip)")


def ours(folder: Path, suffix: str) -> None:
    pa.set_cpu_count(THREADS)
    spec = DeltaBuilderSpec.model_validate(PREFIXES)
    paths = [str(path) for path in sorted(folder.glob(f"*.{suffix}"))]
    used, quarantined = split(read_integration(fs.LocalFileSystem(), paths, spec, THREADS), DAY)
    deltas, peer_deltas = build_deltas(used, spec.port_classes, spec.short_session_seconds)
    pair_counts = build_pair_counts(peer_deltas)
    for name, table in {"q": quarantined, "d": deltas, "p": peer_deltas, "c": pair_counts}.items():
        pq.write_table(table, folder / f"ours-{name}.out")


def rival(folder: Path, suffix: str) -> None:
    files = f"'{folder}/*.{suffix}'"
    types = ", ".join(f"{column.name}: '{SQL_TYPES[column.type]}'" for column in INTEGRATION.columns)
    source = (
        f"read_parquet({files})"
        if suffix == "parquet"
        else f"read_json({files}, format = 'newline_delimited', columns = {{{types}}})"
    )
    classes = ", ".join(
        f"count(*) FILTER (destination_port IN {ports}) AS {name}" for name, ports in PortClasses().model_dump().items()
    )
    query = f"""
        WITH flows AS (SELECT * FROM {source}),
        ends AS (
            SELECT source_ip AS host_ip, 'outbound' AS role, source_bytes AS sent, destination_bytes AS received, *
            FROM flows
            UNION ALL
            SELECT destination_ip, 'inbound', destination_bytes, source_bytes, * FROM flows),
        minutes AS (
            SELECT host_ip, role, date_trunc('minute', event_start) AS minute, count(*) AS sessions,
                count(*) FILTER (event_action = 'allow') AS allow,
                count(*) FILTER (event_action IN ('deny', 'drop')) AS deny,
                count(*) FILTER (event_action = 'alert') AS alert,
                count(*) FILTER (contains(event_reason, 'rst')) AS rst,
                count(*) FILTER (event_reason = 'aged-out') AS aged_out,
                count(*) FILTER (destination_bytes = 0) AS zero_reply,
                count(*) FILTER (event_end - event_start <= INTERVAL 1 SECOND) AS short_session,
                count(*) FILTER (event_name = 'THREAT') AS threat, count(*) FILTER (event_name = 'TRAFFIC') AS traffic,
                count(*) FILTER (network_transport = 'tcp') AS tcp, count(*) FILTER (network_transport = 'udp') AS udp,
                count(*) FILTER (network_transport IN ('icmp', 'ipv6-icmp')) AS icmp,
                sum(sent) AS sent, sum(received) AS received, {classes},
                sum(epoch_us(event_end) - epoch_us(event_start)) / 1e6 AS duration
            FROM ends GROUP BY ALL)
        SELECT host_ip, role, time_bucket(INTERVAL 15 MINUTE, minute) AS slice_start, max(sessions) AS busiest,
            sum(COLUMNS(* EXCLUDE (host_ip, role, minute)))
        FROM minutes GROUP BY 1, 2, 3"""
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = 'UTC'; SET threads = {THREADS}")
        connection.execute(f"COPY ({query}) TO '{folder}/rival.out' (FORMAT parquet)")


def measure(folder: Path, engine: str, file_format: str) -> dict[str, object]:
    command = [sys.executable, __file__, "--measure", engine, "--folder", str(folder), "--format", file_format]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run_one(folder: Path, engine: str, file_format: str) -> dict[str, object]:
    begin, cpu = time.perf_counter(), time.process_time()
    {"ours": ours, "duckdb": rival}[engine](folder, FORMATS[file_format])
    return {
        "bench": "deltas",
        "engine": engine,
        "format": file_format,
        "seconds": round(time.perf_counter() - begin, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", choices=["ours", "duckdb"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--format", choices=list(FORMATS))
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(run_one(arguments.folder, arguments.measure, arguments.format)))
        return
    found: dict[tuple[str, str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), arguments.rows)
        for _ in range(arguments.rounds):
            for file_format in FORMATS:
                for engine in ("ours", "duckdb"):
                    result = measure(Path(folder), engine, file_format)
                    for figure in ("seconds", "cpu_seconds"):
                        found.setdefault((engine, file_format, figure), []).append(float(str(result[figure])))
                    print(json.dumps(result | {"rows": arguments.rows}), flush=True)
    print(json.dumps({"bench": "deltas", "rows": arguments.rows, "ratio": ratios(found)}))


def ratios(found: dict[tuple[str, str, str], list[float]]) -> dict[str, dict[str, float]]:
    """Return ours / DuckDB of the medians, by format and figure."""
    return {
        file_format: {
            figure: round(
                statistics.median(found["ours", file_format, figure])
                / statistics.median(found["duckdb", file_format, figure]),
                2,
            )
            for figure in ("seconds", "cpu_seconds")
        }
        for file_format in FORMATS
    }


if __name__ == "__main__":
    main()
