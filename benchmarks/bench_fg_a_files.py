"""FG-A of a day from published files, against one DuckDB query of the same windows on the same files.

    HOSTS=300 ROUNDS=3 python benchmarks/bench_fg_a_files.py

Compared are whole processes, from start to exit, imports included, on two processors. Ours is the job: it looks the
partitions up, reads them, computes all columns (sums, distinct peers, entropies, shares, novelty against the lookback)
and publishes. The rival computes the sums and the distinct counts alone, and writes one file. Both have the two days of
deltas and peer deltas that the windows touch; the values that both compute are compared, all rows. JSON lines; the last
holds the ratios of the medians, DuckDB / ours.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

import duckdb
import pyarrow as pa
from bench_fg_a import BATCH, between, deltas_of, peer_deltas
from measure import Measurement, measure

from ndr.contract.datasets import COUNTS, DELTAS, PEER_DELTAS
from ndr.contract.time import DAY, SLICE, WINDOWS, Interval
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter, in_key_order

FOLDER = Path(__file__).parent
KEYS = ("host_ip", "role", "window_label", "window_end")
DISTINCT = ("peer_ip_nunique", "peer_port_nunique", "peer_segment_nunique")
OWNER = {"project_name": "bench", "feature_spec_version": "v1", "code_version": "bench"}


def publish(prefix: Path, peers: pa.Table) -> None:
    """Publish two days of deltas and peer deltas, a partition a day."""
    for day in Interval(BATCH.start - DAY, BATCH.end).steps(DAY):
        writer = PartitionWriter(time_partition_uri(prefix.as_uri(), day))
        of_day = between(peers, day.start, day.end)
        writer.write(in_key_order(deltas_of(of_day), DELTAS), DELTAS)
        writer.write(in_key_order(of_day, PEER_DELTAS), PEER_DELTAS)
        writer.commit(dataset=DELTAS.name, start=day.start, end=day.end, **OWNER)


def query(prefix: Path) -> str:
    """Return the rival: a row counts in every window end up to the window's length after it."""
    slices = " UNION ALL ".join(
        f"SELECT '{label}' AS window_label, {width // SLICE} AS width" for label, width in WINDOWS.items()
    )
    first, last = (
        (instant - SLICE).timestamp() // SLICE.total_seconds() for instant in (BATCH.start + SLICE, BATCH.end)
    )

    def in_windows(table: str) -> str:
        ends = f"range(greatest(slice, {first:.0f}), least(slice + width - 1, {last:.0f}) + 1)"
        return f"""SELECT *, unnest({ends}) AS final
            FROM (SELECT *, epoch(slice_start)::BIGINT // 900 AS slice FROM '{prefix}/**/{table}-*.parquet'), windows
            WHERE slice + width > {first:.0f}"""

    keys = "host_ip, role, window_label, to_timestamp((final + 1) * 900) AS window_end"
    sums = ", ".join(f"sum({column.name}) AS {column.name}" for column in COUNTS)
    return f"""WITH windows AS ({slices}),
        sums AS (SELECT {keys}, {sums}, sum(duration_sum) AS duration_sum,
            max(max_sessions_per_minute) AS max_sessions_per_minute FROM ({in_windows("deltas")}) GROUP BY ALL),
        peers AS (SELECT {keys}, count(DISTINCT peer_ip) AS peer_ip_nunique,
            count(DISTINCT peer_port) AS peer_port_nunique,
            count(DISTINCT regexp_replace(peer_ip, '[.][0-9]+$', '')) AS peer_segment_nunique
            FROM ({in_windows("peer_deltas")}) GROUP BY ALL)
        FROM sums JOIN peers USING (host_ip, role, window_label, window_end) ORDER BY ALL"""


def run_ours(prefix: Path, output: Path) -> Measurement:
    span = (BATCH.start.isoformat(), BATCH.end.isoformat())
    return measure([sys.executable, str(FOLDER / "bench_fg_a_files_ours.py"), str(prefix), str(output), *span])


def run_duckdb(prefix: Path, output: Path) -> Measurement:
    output.mkdir(exist_ok=True)
    copy = f"COPY ({query(prefix)}) TO '{output}/fg_a.parquet' (FORMAT parquet, COMPRESSION zstd)"
    sql = f"SET TimeZone = 'UTC'; SET threads = 2; {copy}"
    return measure([sys.executable, str(FOLDER / "bench_deltas_duckdb.py"), sql])


def assert_equal(ours: Path, rival: Path) -> int:
    """Compare the columns that both compute, all rows; return the number of rows."""
    columns = ", ".join(
        (*KEYS, *(f"{column.name}::BIGINT" for column in COUNTS), *(f"{name}::BIGINT" for name in DISTINCT))
    )
    published = f"SELECT {columns} FROM '{ours}/fg_a/**/fg_a-*.parquet'"
    counted = f"SELECT {columns} FROM '{rival}/fg_a.parquet'"
    for one, other in ((published, counted), (counted, published)):
        ((odd,),) = duckdb.sql(f"SELECT count(*) FROM ({one} EXCEPT ALL {other})").fetchall()
        assert odd == 0, f"{odd} rows of {one} are not among {other}"
    ((rows,),) = duckdb.sql(f"SELECT count(*) FROM ({published})").fetchall()
    return rows


def main() -> None:
    hosts, rounds = int(os.environ.get("HOSTS", "300")), int(os.environ.get("ROUNDS", "3"))
    found: dict[str, list[Measurement]] = {"ours": [], "duckdb": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        publish(folder / "deltas", peer_deltas(hosts, 2000, 2))
        for number in range(rounds):
            for engine, run in (("ours", run_ours), ("duckdb", run_duckdb)):
                done = run(folder / "deltas", folder / f"{engine}_{number}")
                found[engine].append(done)
                figures = {name: round(getattr(done, name), 2) for name in ("seconds", "cpu_seconds", "peak_mib")}
                print(json.dumps({"bench": "fg_a_files", "hosts": hosts, "engine": engine} | figures), flush=True)
            rows = assert_equal(folder / f"ours_{number}", folder / f"duckdb_{number}")
    ratios = {
        f"{prefix}ratio_to_rival": round(
            median(getattr(each, figure) for each in found["duckdb"])
            / median(getattr(each, figure) for each in found["ours"]),
            2,
        )
        for prefix, figure in (("", "seconds"), ("cpu_", "cpu_seconds"))
    }
    print(json.dumps({"bench": "fg_a_files", "hosts": hosts, "rows": rows} | ratios))


if __name__ == "__main__":
    main()
