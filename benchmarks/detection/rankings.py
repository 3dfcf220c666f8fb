"""The day's rankings: the product's scores, and beside them one figure alone: z of bytes, rarity, RITA's score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.detection.before import ranking as before
from benchmarks.detection.network import Network, connections_of_pairs
from benchmarks.detection.outcomes import Ranked
from benchmarks.rita import rita_score
from ndr.contract.datasets import FG_A, FG_B_PAIR_HOST, FG_C_HOSTS, FG_C_PAIRS, PAIR_COUNTS, fg_b_host
from ndr.contract.time import Interval
from ndr.store.catalog import newest_baseline
from ndr.store.publish import read_table
from ndr.store.scan import Scan

Ranking = list[Ranked]
BYTES: Final = ("bytes_sent_sum", "bytes_recv_sum")
_LEAST_BYTES, _LEAST_SHARE = 10_000.0, 0.1


def scores(network: Network, day: Interval) -> tuple[Ranking, ...]:
    """Return the product's two rankings: hosts and pairs by their largest score of the day."""
    prefix = network.project.uri("fg_c")
    hosts = Scan.of(prefix, FG_C_HOSTS, day, ["host_ip", "window_end", "score"]).read()
    pairs = Scan.of(prefix, FG_C_PAIRS, day, ["src_ip", "dst_ip", "dst_port", "window_end", "score"]).read()
    return _largest(hosts, ["host_ip"]), _largest(pairs, ["src_ip", "dst_ip", "dst_port"])


def _largest(rows: pa.Table, key: list[str]) -> Ranking:
    is_number = {name: pa.types.is_integer(rows[name].type) for name in key}
    columns = {name: rows[name] if is_number[name] else rows[name].cast(pa.string()) for name in key}
    plain = pa.table(columns | {"score": rows["score"]})
    best = plain.group_by(key).aggregate([("score", "max")])
    keys = zip(*(best[name].to_pylist() for name in key), strict=True)
    return _ranked(zip(keys, best["score_max"].to_pylist(), strict=True))


def _ranked(rows: Any) -> Ranking:
    found = [Ranked(key, float(score)) for key, score in rows if score is not None and not np.isnan(score)]
    return sorted(found, key=lambda row: (-row.score, row.key))


def bytes_alone(network: Network, day: Interval) -> tuple[Ranking, ...]:
    """Rank hosts by the largest z of bytes sent or received, over the host's own newest 30-day or 7-day baseline."""
    baseline = _baseline(network, day, "30d") or _baseline(network, day, "7d")
    keys = ["host_ip", "role", "time_band", "window_label"]
    statistics = [f"{metric}_{name}" for metric in BYTES for name in ("median", "mad", "iqr")]
    spec = network.project.spec("fg_b_builder")
    with duckdb.connect() as connection:
        host = read_table(baseline.uri, baseline.manifest, fg_b_host(spec.metrics))
        connection.register("host", host.select([*keys, *statistics]))
        columns = [*keys, "window_end", *BYTES]
        connection.register("day", Scan.of(network.project.uri("fg_a"), FG_A, day, columns).read())
        z = ", ".join(
            f"max(({metric} - {metric}_median) / greatest(CASE WHEN {metric}_mad > 0 THEN 1.4826 * {metric}_mad "
            f"ELSE {metric}_iqr / 1.349 END, {_LEAST_BYTES}, {_LEAST_SHARE} * {metric}_median))"
            for metric in BYTES
        )
        rows = connection.execute(
            f"SELECT host_ip, greatest({z}) FROM day JOIN host USING ({', '.join(keys)}) "
            "WHERE window_label IN ('1h', '8h', '24h') GROUP BY ALL"
        ).fetchall()
    return (_ranked(((host,), score) for host, score in rows),)


def rarity_alone(network: Network, day: Interval) -> tuple[Ranking, ...]:
    """Rank the day's pairs by `pair_rarity_score`; a pair that the baseline does not know is the rarest."""
    baseline = _baseline(network, day, "30d") or _baseline(network, day, "7d")
    pair = ["src_ip", "dst_ip", "dst_port"]
    with duckdb.connect() as connection:
        known = read_table(baseline.uri, baseline.manifest, FG_B_PAIR_HOST).select([*pair, "pair_rarity_score"])
        connection.register("known", known)
        connection.register("day", Scan.of(network.project.uri("pair_counts"), PAIR_COUNTS, day, pair).read())
        rows = connection.execute(
            "SELECT DISTINCT src_ip, dst_ip, dst_port, coalesce(pair_rarity_score, 1) FROM day "
            "LEFT JOIN known USING (src_ip, dst_ip, dst_port)"
        ).fetchall()
    internal = set(network.simulation.network.addresses[network.simulation.network.is_local].tolist())
    return (_ranked((tuple(row[:3]), row[3]) for row in rows if row[0] in internal),)


def rita(network: Network, day: Interval) -> tuple[Ranking, ...]:
    """Rank the (source, destination) of the day by RITA v5's beacon score."""
    table = connections_of_pairs(network.simulation, day).sort_by([("src_ip", "ascending"), ("dst_ip", "ascending")])
    names = [table[name].to_numpy(zero_copy_only=False) for name in ("src_ip", "dst_ip")]
    seconds, sizes = table["second"].to_numpy(), table["bytes"].to_numpy()
    starts = np.flatnonzero(np.append(True, (names[0][1:] != names[0][:-1]) | (names[1][1:] != names[1][:-1])))
    rows = []
    for first, last in zip(starts, [*starts[1:], len(seconds)], strict=True):
        if last - first >= 4 and (found := rita_score(seconds[first:last], sizes[first:last])):
            rows.append(((names[0][first], names[1][first]), found.score))
    return (_ranked(rows),)


def _baseline(network: Network, day: Interval, horizon: str) -> Any:
    return newest_baseline(network.project.uri("fg_b"), horizon, day.start)


RANKINGS: Final[Mapping[str, Callable[[Network, Interval], tuple[Ranking, ...]]]] = {
    "scores": scores,
    "bytes_z": bytes_alone,
    "rarity": rarity_alone,
    "rita": rita,
    "release_before": before,
}
"""The rankings that are compared, each with the day's hosts, pairs or both."""
