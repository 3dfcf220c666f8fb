"""Baselines recomputed from raw Zeek conn logs in plain Python: no Arrow, no numpy, none of the package's code.

Follows the definitions alone: wire bytes, slices of 15 minutes by a flow's start, windows that end with each slice,
time bands of 08:00 to 18:00 UTC on weekdays, capping within a /24 at six MADs on any of four key metrics.
"""

from __future__ import annotations

import gzip
import statistics
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

KEY_METRICS = ("sessions_cnt", "bytes_sent_sum", "bytes_recv_sum", "peer_ip_nunique")
SLICE = 900
SLICES = {"15m": 1, "1h": 4}

Row = dict[str, float]
Group = tuple[str, str, str]  # role, time_band, window_label


def flows(folder: Path) -> Iterator[dict[str, str]]:
    """Yield every connection of every log by its field names."""
    for path in sorted(folder.glob("conn.*.log.gz")):
        with gzip.open(path, "rt") as lines:
            for line in lines:
                if line.startswith("#fields"):
                    names = line.rstrip("\n").split("\t")[1:]
                elif not line.startswith("#"):
                    yield dict(zip(names, line.rstrip("\n").split("\t"), strict=True))


def flow_bytes(flow: dict[str, str], side: str) -> int:
    """Return the bytes on the wire of one side (orig, resp), otherwise those of the payload."""
    wire, payload = flow[f"{side}_ip_bytes"], flow[f"{side}_bytes"]
    return int(wire if wire != "-" else payload if payload != "-" else 0)


def window_rows(folder: Path, segment: str, start: datetime, end: datetime) -> dict[Group, dict[str, list[Row]]]:
    """Return the feature rows, by group and host, of the hosts of a /24 whose windows lie in [start, end)."""
    slices: dict[tuple[str, str], dict[int, list[tuple[int, int, str]]]] = defaultdict(lambda: defaultdict(list))
    for flow in flows(folder):
        number = int(float(flow["ts"]) // SLICE)
        source, destination = flow["id.orig_h"], flow["id.resp_h"]
        sent, received = flow_bytes(flow, "orig"), flow_bytes(flow, "resp")
        if source.startswith(segment):
            slices[source, "outbound"][number].append((sent, received, destination))
        if destination.startswith(segment):
            slices[destination, "inbound"][number].append((received, sent, source))
    rows: dict[Group, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    first, last = int(start.timestamp()) // SLICE, int(end.timestamp()) // SLICE
    for (host, role), by_slice in slices.items():
        for label, width in SLICES.items():
            for window_end in range(first + width, last + 1):
                seen = [flow for number in range(window_end - width, window_end) for flow in by_slice.get(number, ())]
                if seen:
                    rows[role, _time_band(window_end - 1), label][host].append(_row(seen) | {"window_end": window_end})
    return rows


def _row(seen: list[tuple[int, int, str]]) -> Row:
    return {
        "sessions_cnt": len(seen),
        "bytes_sent_sum": sum(sent for sent, _, _ in seen),
        "bytes_recv_sum": sum(received for _, received, _ in seen),
        "peer_ip_nunique": len({peer for _, _, peer in seen}),
    }


def _time_band(number: int) -> str:
    at = datetime.fromtimestamp(number * SLICE, UTC)
    if not 8 <= at.hour < 22:
        return "night"
    if at.weekday() >= 5:
        return "weekend_day"
    return "working_hours" if at.hour < 18 else "evening"


def baseline(rows: list[Row], metric: str, width: int) -> dict[str, float]:
    """Return a host's statistics of a metric: capped rows are left out of them and still counted in support.

    Support is of windows that do not overlap: `width` slices long, the last one first.
    """
    limits = []
    for name in KEY_METRICS:
        median = statistics.median(row[name] for row in rows)
        mad = statistics.median(abs(row[name] - median) for row in rows)
        if mad > 0:
            limits.append((name, median, 6 * mad))
    kept = [row for row in rows if all(abs(row[name] - at) <= reach for name, at, reach in limits)]
    if len(kept) < 0.8 * len(rows):
        kept = rows
    values = sorted(row[metric] for row in kept)
    support, start = 0, float("inf")
    for row in sorted(rows, key=lambda each: each["window_end"], reverse=True):
        if row["window_end"] <= start:
            support, start = support + 1, row["window_end"] - width
    found: dict[str, float] = {"support_count": support}
    if len(values) >= 2:
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        median = statistics.median(values)
        found |= {"p25": cuts[24], "median": median, "p75": cuts[74], "p95": cuts[94], "p99": cuts[98]}
        found["mad"] = statistics.median(abs(value - median) for value in values)
    return found
