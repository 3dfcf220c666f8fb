"""FG-C in plain Python, one value at a time, from the definitions in docs/features.md."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
JUDGES = ("host", "segment", "network", "none")
HORIZON_DAYS = {"7d": 7, "30d": 30}
STATISTICS = ("median", "mad", "iqr", "p25", "p75", "p95", "p99", "support_count")
UNKNOWN = dict.fromkeys(("median", "mad", "p95", "p99", "scale", "z", "log_ratio", "excess_over_p95", "tail"))


class Baseline:
    """A baseline's rows, as lists of dictionaries."""

    def __init__(
        self, horizon: str, hosts: Sequence[Row], segments: Sequence[Row], cold: Sequence[str], support_min: int
    ) -> None:
        self.horizon = horizon
        self.host = {(row["host_ip"], *_group(row)): row for row in hosts}
        self.segment = {(row["segment_id"], *_group(row)): row for row in segments}
        self.cold = cold
        self.support_min = support_min

    def judge(self, row: Row, segment: str, metric: str) -> tuple[str, dict[str, float] | None]:
        """Whose statistics judge a value, and which they are."""
        own = self.host.get((row["host_ip"], *_group(row)))
        if own and row["host_ip"] not in self.cold and not own[f"{metric}_cold_start"] and _complete(own, metric):
            return "host", _statistics(own, metric)
        its = self.segment.get((segment, *_group(row)))
        if its and not its[f"{metric}_cold_start"] and _complete(its, metric):
            return "segment", _statistics(its, metric)
        members = [
            _statistics(each, metric)
            for key, each in self.segment.items()
            if key[1:] == _group(row) and _complete(each, metric)
        ]
        support = sum(each["support_count"] for each in members)
        if members and support >= max(1, self.support_min):
            medians = {
                name: _weighted_median([(each[name], each["support_count"]) for each in members])
                for name in STATISTICS[:-1]
            }
            return "network", {**medians, "support_count": support}
        return "none", None


def _group(row: Row) -> tuple[str, str, str]:
    return row["role"], row["time_band"], row["window_label"]


def _complete(row: Row, metric: str) -> bool:
    return all(row[f"{metric}_{name}"] is not None for name in STATISTICS)


def _statistics(row: Row, metric: str) -> dict[str, float]:
    return {name: float(row[f"{metric}_{name}"]) for name in STATISTICS}


def _weighted_median(weighted: list[tuple[float, float]]) -> float:
    half = sum(weight for _, weight in weighted) / 2
    running = 0.0
    for value, weight in sorted(weighted, key=lambda each: each[0]):
        running += weight
        if running >= half:
            return value
    raise AssertionError("there is a value")


def tail_probability(value: float, known: Mapping[str, float]) -> float:
    """The share of values at least as large, by the percentiles."""
    places = [(known["p25"], 0.75), (known["median"], 0.5), (known["p75"], 0.25), (known["p95"], 0.05),
              (known["p99"], 0.01)]  # fmt: skip
    least = 1 / (known["support_count"] + 1)
    if value < known["p25"]:
        width = known["median"] - known["p25"]
        return max(least, 0.75 + 0.25 * min(1.0, (known["p25"] - value) / width) if width > 0 else 1.0)
    if value == known["p25"]:
        return max(least, 0.75)
    for (low, share), (high, next_share) in itertools.pairwise(places):
        if low < value <= high:
            part = (value - low) / (high - low)
            return max(least, math.exp((1 - part) * math.log(share) + part * math.log(next_share)))
    width = known["p99"] - known["p95"]
    return max(least, 0.01 * math.exp(-math.log(5) * (value - known["p99"]) / width) if width > 0 else 0.0)


def score(
    value: float, tier: str, known: Mapping[str, float] | None, least: float, relative: float,
    weights: Mapping[str, float], expected: float | None, highest: float | None,
) -> dict[str, Any]:  # fmt: skip
    """What is published of one value."""
    if known is None:
        return {**UNKNOWN, "judged_by": tier, "support_count": 0, "contribution": 0.0}
    deviation = known["mad"] * 1.4826 if known["mad"] > 0 else known["iqr"] / 1.349
    scale = max(deviation, least, relative * abs(known["median"]))
    z = (value - known["median"]) / scale
    tail = max(known["p99"] - known["p95"], least, relative * max(abs(known["p99"]), highest or 0.0))
    excused = max(known["p99"] * (1 + (expected or 0.0)), highest or 0.0)
    surprise = math.log2((tail + value - excused) / tail) if value > excused else 0.0
    has_ratio = value + least > 0 and known["median"] + least > 0
    return {
        "judged_by": tier,
        "support_count": int(known["support_count"]),
        "median": known["median"],
        "mad": known["mad"],
        "p95": known["p95"],
        "p99": known["p99"],
        "scale": scale,
        "z": z,
        "log_ratio": math.log2((value + least) / (known["median"] + least)) if has_ratio else None,
        "excess_over_p95": max(0.0, value - known["p95"]),
        "tail": tail_probability(value, known),
        "contribution": weights[tier] * surprise,
    }


def host_reasons(scores: Sequence[Row], most: int) -> list[Row]:
    """The largest contribution of each metric, the largest first; `scores` are of one host and window end."""
    judged: dict[tuple[str, str, str], list[Row]] = {}
    for row in scores:
        judged.setdefault((row["metric"], row["role"], row["window_label"]), []).append(row)
    best: dict[str, Row] = {}
    for rows in judged.values():
        nearest = min((each["judged_by"] for each in rows), key=JUDGES.index)
        row = min((each for each in rows if each["judged_by"] == nearest), key=lambda each: each["contribution"])
        if row["contribution"] > best.get(row["metric"], {"contribution": 0.0})["contribution"]:
            best[row["metric"]] = row
    return sorted(best.values(), key=lambda row: -row["contribution"])[:most]


CLIENTS = {"bytes_sent_sum": "bytes_recv_sum", "bytes_recv_sum": "bytes_sent_sum", "sessions_cnt": "sessions_cnt",
           "deny_cnt": "deny_cnt"}  # fmt: skip


def discounts(
    rows: Sequence[Row], segment_of: Mapping[str, str], least: int, usual: float
) -> dict[tuple[Any, ...], float]:
    """The discount of each (host, role, window, end, metric); `rows` are scores without discounts, of all hosts."""
    judged: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = (row["host_ip"], row["role"], row["window_label"], row["window_end"], row["metric"])
        judged.setdefault(key, []).append(row)
    counts: dict[tuple[Any, ...], list[int]] = {}
    for (host, *group), of in judged.items():
        nearest = min((each["judged_by"] for each in of), key=JUDGES.index)
        unusual = all(each["contribution"] > 0 for each in of if each["judged_by"] == nearest)
        for scope in ("network", segment_of[host]) if nearest != "none" else ():
            count = counts.setdefault((scope, *group), [0, 0])
            count[0] += 1
            count[1] += unusual
    found = {}
    for host, role, *group, metric in judged:
        asked = [("network", role, *group, metric), (segment_of[host], role, *group, metric)]
        if role == "inbound" and metric in CLIENTS:
            asked.append(("network", "outbound", *group, CLIENTS[metric]))
        enough = [counts[key] for key in asked if counts.get(key, [0])[0] >= least]
        left = [_left(judged_cnt, unusual_cnt, usual) for judged_cnt, unusual_cnt in enough]
        found[host, role, *group, metric] = min([1.0, *left])
    return found


def _left(judged: int, unusual: int, usual: float) -> float:
    if unusual == 0:
        return 1.0
    z, share = 2.3263478740408408, unusual / judged
    middle = share + z * z / (2 * judged)
    lower = (middle - z * math.sqrt(share * (1 - share) / judged + z * z / (4 * judged * judged))) / (
        1 + z * z / judged
    )
    return math.log(lower) / math.log(usual)
