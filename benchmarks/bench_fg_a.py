"""FG-A: a day in one run against 96 single slices, and against DuckDB's straightforward query; JSON lines.

    PYTHONPATH=contract:spark_jobs python benchmarks/bench_fg_a.py --hosts 80 --rounds 3

Each run gets what a job would read: 24 hours of slices, a pair baseline that ended four days ago, the slices since.
The rival computes less than the kernel does: the sums and the distinct counts, no entropy, shares or novelty.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import duckdb
import numpy as np
import pyarrow as pa

from ndr.contract.datasets import COUNTS, DELTAS, MAXIMA, PEER_DELTAS
from ndr.contract.jobspecs.delta_builder import PortClasses
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import DAY, SLICE, SLICE_MICROSECONDS, WINDOWS, Interval, slice_number
from ndr.jobs.fg_a.days import inputs_of
from ndr.jobs.fg_a.history import history_needed
from ndr.jobs.fg_a.kernel import build_fg_a
from ndr.jobs.fg_a.pair_history import PairHistory
from ndr.jobs.fg_a.published_time import PublishedTime
from ndr.store.schema import arrow_schema

BATCH = Interval(datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC))
DAYS = 33
BASELINE_END = BATCH.start - 4 * DAY
SPEC = FgABuilderSpec.model_validate(
    {"inputs": {"deltas": "file:///d", "fg_b": "file:///b"}, "outputs": {"fg_a": "file:///a"}}
)


def peer_deltas(hosts: int, peers: int, days: int, seed: int = 7) -> pa.Table:
    """Make `days` of peer deltas up to the batch's end: most hosts talk to few peers, a few to many, most by day."""
    random = np.random.default_rng(seed)
    first = slice_number(BATCH.end - days * DAY)
    columns = []
    for host in range(hosts):
        slices = first + np.arange(days * 96)
        busy = np.where((slices % 96 > 28) & (slices % 96 < 72), 8, 2)
        slice_of_row = np.repeat(slices, random.poisson(busy))
        known = random.integers(0, peers, 60)
        peer = known[np.minimum(random.zipf(1.5, slice_of_row.size), 60) - 1]
        port = random.choice([53, 80, 123, 443, 443, 445, 3389], slice_of_row.size)
        role = random.random(slice_of_row.size) < 0.2
        columns.append(np.stack([np.full(slice_of_row.size, host), role, peer, port, slice_of_row]))
    host, role, peer, port, slice_ = np.unique(np.concatenate(columns, axis=1), axis=1)
    return _peer_table(host, role, peer, port, slice_, random)


def _peer_table(host, role, peer, port, slices, random) -> pa.Table:  # type: ignore[no-untyped-def]
    host_names = pa.array([f"10.0.{number // 250}.{number % 250 + 1}" for number in range(int(host.max()) + 1)])
    peer_names = pa.array([f"172.{16 + n // 62500}.{n // 250 % 250}.{n % 250}" for n in range(int(peer.max()) + 1)])
    columns = [
        host_names.take(pa.array(host)),
        pa.array(["outbound", "inbound"]).take(pa.array(role)),
        peer_names.take(pa.array(peer)),
        pa.array(port),
        pa.array(slices * SLICE_MICROSECONDS).cast(pa.timestamp("us", tz="UTC")),
        pa.array(sessions := random.integers(1, 20, host.size)),
        pa.array(sessions - sessions // 8),
        pa.array(sessions // 8),
        pa.array(random.integers(0, 300_000, host.size)),
        pa.array(random.integers(0, 700_000, host.size)),
        pa.array(np.isin(port, PortClasses().admin)),
        pa.array(np.isin(port, PortClasses().high_risk)),
    ]
    return pa.table(columns, schema=arrow_schema(PEER_DELTAS))


def deltas_of(peers: pa.Table) -> pa.Table:
    """Sum peer deltas to deltas; columns that flows alone would tell are derived from the sessions."""
    others = ", ".join(f"sum(sessions_cnt % 7)::BIGINT AS {column.name}" for column in COUNTS[1:])
    maxima = ", ".join(f"max(sessions_cnt) AS {column.name}" for column in MAXIMA)
    query = f"""SELECT host_ip, role, slice_start, sum(sessions_cnt)::BIGINT AS sessions_cnt, {others},
        sum(sessions_cnt) / 4.0 AS duration_sum, {maxima}
        FROM peers GROUP BY ALL ORDER BY ALL"""
    return duckdb.sql(query).to_arrow_table().select(arrow_schema(DELTAS).names).cast(arrow_schema(DELTAS))


def between(table: pa.Table, start: datetime, end: datetime) -> pa.Table:
    instants = table.column("slice_start").cast(pa.int64()).to_numpy()
    low, high = (slice_number(instant) * SLICE_MICROSECONDS for instant in (start, end))
    return table.filter(pa.array((instants >= low) & (instants < high)))


def baseline_of(peers: pa.Table) -> pa.Table:
    """Return the pairs of the days up to the baseline's end, as a baseline has them."""
    history = PairHistory.empty(BATCH.end - DAYS * DAY)
    while history.end < BASELINE_END:
        history = history.after(between(peers, history.end, history.end + DAY))
    return history.table


def call_of(batch: Interval, deltas: pa.Table, peers: pa.Table, baseline: pa.Table) -> Callable[[], pa.Table]:
    """Return a call of the kernel with what a job would read for this batch."""
    start = batch.start + SLICE - DAY
    inputs = between(deltas, start, batch.end), between(peers, start, batch.end)
    needed = history_needed(batch, SPEC.windows, SPEC.novelty.lookback_days, [BASELINE_END])
    history = between(peers, needed.slices_from, start)
    published = PublishedTime.of([Interval(BATCH.end - DAYS * DAY, BATCH.end)], inputs_of(batch, SPEC))
    return lambda: build_fg_a(batch, SPEC, Networks(), *inputs, history, baseline, published=published)


def rival(deltas: pa.Table, peers: pa.Table, threads: int) -> pa.Table:
    """Build the day's sums and distinct counts with one range join per input, on as many threads as the kernel."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    windows = ", ".join(f"('{label}', INTERVAL {width // SLICE * 15} MINUTE)" for label, width in WINDOWS.items())
    connection.execute(f"CREATE TABLE windows AS FROM (VALUES {windows}) AS w(window_label, width)")
    connection.execute(
        "CREATE TABLE ends AS SELECT unnest(generate_series(?::TIMESTAMPTZ, ?, INTERVAL 15 MINUTE)) AS window_end",
        [BATCH.start + SLICE, BATCH.end],
    )
    connection.register("deltas", deltas)
    connection.register("peers", peers)
    sums = ", ".join(f"sum({column.name}) AS {column.name}" for column in COUNTS)
    join = "JOIN (FROM windows, ends) ON slice_start >= window_end - width AND slice_start < window_end GROUP BY ALL"
    query = f"""WITH a AS (SELECT host_ip, role, window_label, window_end, {sums}, sum(duration_sum) AS duration_sum,
            max(max_sessions_per_minute) AS max_sessions_per_minute FROM deltas {join}),
        p AS (SELECT host_ip, role, window_label, window_end, count(DISTINCT peer_ip) AS peer_ip_nunique,
            count(DISTINCT peer_port) AS peer_port_nunique,
            count(DISTINCT regexp_replace(peer_ip, '[.][0-9]+$', '')) AS peer_segment_nunique FROM peers {join})
        FROM a JOIN p USING (host_ip, role, window_label, window_end) ORDER BY ALL"""
    return connection.sql(query).to_arrow_table()


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measurements(hosts: int, peers: int, rounds: int) -> Iterator[dict[str, object]]:
    """Yield one record per measurement: medians of interleaved rounds."""
    every_peer = peer_deltas(hosts, peers, DAYS)
    every_delta = deltas_of(every_peer)
    baseline = baseline_of(every_peer)
    day = call_of(BATCH, every_delta, every_peer, baseline)
    singles = [call_of(batch, every_delta, every_peer, baseline) for batch in BATCH.steps(SLICE)]
    start = BATCH.start + SLICE - DAY
    inputs = between(every_delta, start, BATCH.end), between(every_peer, start, BATCH.end)
    built = pa.concat_tables([call() for call in singles]).sort_by(
        [(name, "ascending") for name in ("host_ip", "role", "window_label", "window_end")]
    )
    bulk = day()
    compared = rival(*inputs, threads=1)
    assert bulk.equals(built)
    assert compared.num_rows == bulk.num_rows
    for name in ("sessions_cnt", "peer_ip_nunique", "peer_segment_nunique"):
        assert bulk.column(name).to_pylist() == compared.column(name).cast(pa.int64()).to_pylist()
    times: dict[str, list[float]] = {"day": [], "96_slices": [], "duckdb_sums_and_nunique": []}
    for _ in range(rounds):
        times["day"].append(seconds(day))
        times["96_slices"].append(seconds(lambda: [call() for call in singles]))
        times["duckdb_sums_and_nunique"].append(seconds(lambda: rival(*inputs, threads=1)))
    common = {"bench": "fg_a", "hosts": hosts, "rows": bulk.num_rows, "peer_rows": inputs[1].num_rows}
    median = {name: statistics.median(values) for name, values in times.items()}
    for name, value in median.items():
        yield common | {"run": name, "seconds": round(value, 3), "rows_per_second": round(bulk.num_rows / value)}
    yield common | {"ratio_day_to_96_slices": round(median["day"] / median["96_slices"], 4)}
    yield common | {"ratio_to_best_rival": round(median["day"] / median["duckdb_sums_and_nunique"], 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=80)
    parser.add_argument("--peers", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for record in measurements(options.hosts, options.peers, options.rounds):
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
