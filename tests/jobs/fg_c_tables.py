"""Tables of random FG-A rows and baselines for FG-C, with ties, zeros, nulls and hosts that nothing is known of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import FG_A, fg_b_host, fg_b_segment
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec
from ndr.contract.time import SLICE
from ndr.jobs.fg_c.judges import HorizonBaseline
from ndr.store.schema import arrow_schema

METRICS = ("bytes_sent_sum", "deny_cnt", "deny_ratio", "peer_ip_nunique", "sessions_cnt")
PREFIXES = {name: f"s3://ndr-data/v1/{name}/" for name in ("fg_a", "pair_counts", "fg_b")}
SPEC = FgCBuilderSpec(inputs=PREFIXES, outputs={"fg_c": "s3://ndr-data/v1/fg_c/"}, metrics=METRICS)
NOON = datetime(2026, 2, 3, 12, tzinfo=UTC)
HOSTS = [f"10.0.{number % 3}.{number}" for number in range(12)]
SEGMENTS = [f"10.0.{number % 3}.0/24" for number in range(12)]
BANDS = ("working_hours", "off_hours")
WINDOWS = ("1h", "24h", "8h")
UNKNOWN = ("inbound", "off_hours", "8h")
"""No baseline has this group."""


def feature_rows(seed: int, ends: int = 3) -> pa.Table:
    """FG-A rows of HOSTS, not in order; only the columns that FG-C reads have values."""
    rng = np.random.default_rng(seed)
    rows = []
    for host in HOSTS:
        for role in ("inbound", "outbound"):
            for window in WINDOWS:
                for number in range(ends):
                    if rng.random() < 0.2 or (window == "1h" and host in HOSTS[:2] and number == 2):
                        continue
                    rows.append(
                        {
                            "host_ip": host,
                            "role": role,
                            "window_label": window,
                            "window_end": NOON + number * SLICE,
                            "time_band": BANDS[number % 2],
                            "bytes_sent_sum": int(rng.choice([0, 1_000, 10**6, 10**9])),
                            "deny_cnt": int(rng.choice([0, 0, 0, 1, 50])),
                            "deny_ratio": None if rng.random() < 0.1 else float(rng.random()),
                            "peer_ip_nunique": int(rng.integers(1, 40)),
                            "sessions_cnt": int(rng.integers(1, 200)),
                        }
                    )
    rng.shuffle(rows)
    return pa.Table.from_pylist(rows, arrow_schema(FG_A))


def baseline(horizon: str, seed: int, days: int) -> HorizonBaseline:
    """A baseline of most hosts; some rows are cold, some have ties among their percentiles, some a MAD of 0."""
    rng = np.random.default_rng(seed)
    host = [{"host_ip": each} for each in HOSTS[:-2]]
    segment = [{"segment_id": each} for each in sorted(set(SEGMENTS))]
    tables = []
    for entities, dataset, share in ((host, fg_b_host(METRICS), 0.3), (segment, fg_b_segment(METRICS), 0.4)):
        rows = [
            {**entity, "role": role, "time_band": band, "window_label": window, **_statistics(rng, share)}
            for entity in entities
            for role in ("inbound", "outbound")
            for band in BANDS
            for window in WINDOWS
            if rng.random() < 0.9 and (role, band, window) != UNKNOWN
        ]
        tables.append(pa.Table.from_pylist(rows, arrow_schema(dataset)))
    return HorizonBaseline(horizon, NOON - timedelta(days=days), *tables, cold_hosts=frozenset(HOSTS[3:5]))


def _statistics(rng: np.random.Generator, cold: float) -> dict[str, object]:
    found: dict[str, object] = {"active_ratio": float(rng.random()), "rows_cnt": int(rng.integers(1, 500))}
    for metric in METRICS:
        grain = 1.0 if metric != "deny_ratio" else 0.1
        values = np.sort(np.round(rng.exponential(20, 5)) * grain)
        if rng.random() < 0.2:
            values[:] = values[0]
        p25, median, p75, p95, p99 = (float(value) for value in values)
        found |= {f"{metric}_{name}": value for name, value in zip(
            ("p25", "median", "p75", "p95", "p99", "iqr", "mad", "support_count", "cold_start"),
            (p25, median, p75, p95, p99, p75 - p25, float(rng.choice([0.0, 2.5])), int(rng.integers(1, 300)),
             bool(rng.random() < cold)), strict=True,
        )}  # fmt: skip
        if rng.random() < 0.05:
            found[f"{metric}_median"] = None
    return found
