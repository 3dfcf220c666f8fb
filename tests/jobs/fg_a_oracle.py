"""FG-A the slow way: for each window, look at every row, in plain Python with exact arithmetic."""

from __future__ import annotations

import ipaddress
import math
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

COUNTS = [
    "sessions_cnt",
    "allow_cnt",
    "deny_cnt",
    "alert_cnt",
    "rst_cnt",
    "aged_out_cnt",
    "zero_reply_cnt",
    "short_session_cnt",
    "threat_cnt",
    "traffic_cnt",
    "tcp_cnt",
    "udp_cnt",
    "icmp_cnt",
    "syn_only_cnt",
    "bytes_sent_sum",
    "bytes_recv_sum",
    "high_risk_port_sessions_cnt",
    "admin_port_sessions_cnt",
    "fileshare_port_sessions_cnt",
    "directory_port_sessions_cnt",
    "db_port_sessions_cnt",
]
MINUTES = {"15m": 15, "30m": 30, "1h": 60, "8h": 480, "24h": 1440}
QUARTER = timedelta(minutes=15)


def oracle(batch, spec, networks, deltas, peer_deltas, history=(), published=()):
    """Return FG-A rows as dicts. `history` holds older peer rows; everything before a window is its past.

    `published` are the intervals that were delivered.
    """
    out = []
    segments = {r["peer_ip"]: segment_of(r["peer_ip"], networks) for r in (*peer_deltas, *history)}
    high_risk = {address for address in segments if is_in(address, networks.high_risk)}
    there = {each.start + n * QUARTER for each in published for n in range((each.end - each.start) // QUARTER)}
    days = {at.date() for at in there}
    end = batch.start + QUARTER
    while end <= batch.end:
        for label in spec.windows:
            start = end - timedelta(minutes=MINUTES[label])
            inside = defaultdict(list)
            for row in deltas:
                if start <= row["slice_start"] < end:
                    inside[row["host_ip"], row["role"]].append(row)
            for (host, role), rows in inside.items():
                peers = [r for r in peer_deltas if (r["host_ip"], r["role"]) == (host, role)]
                past = [r for r in (*history, *peers) if (r["host_ip"], r["role"]) == (host, role)]
                current = [r for r in peers if start <= r["slice_start"] < end]
                out.append(
                    {"host_ip": host, "role": role, "window_label": label, "window_end": end}
                    | activity(rows)
                    | peer_metrics(current, segments)
                    | novelty(current, past, start, spec.novelty)
                    | new_segments(current, past, start, spec.novelty.lookback_days, segments)
                    | peer_classes(current, high_risk)
                    | local_columns(end, spec.calendar)
                    | seen(start, end, there, days, spec.novelty.lookback_days)
                )
        end += QUARTER
    return sorted(out, key=lambda r: (r["host_ip"], r["role"], r["window_label"], r["window_end"]))


def activity(rows):
    out = {name: sum(r[name] for r in rows) for name in COUNTS}
    n = out["sessions_cnt"]
    for name in ("max_sessions_per_minute", "max_flow_bytes_sent", "max_flow_bytes_recv"):
        out[name] = max(r[name] for r in rows)
    out["duration_sum"] = float(sum(Fraction(round(r["duration_sum"] * 1e6), 10**6) for r in rows))
    out["duration_mean"] = out["duration_sum"] / n
    for name in ("deny", "tcp", "udp", "icmp", "syn_only"):
        out[name + "_ratio"] = out[name + "_cnt"] / n
    total = out["bytes_sent_sum"] + out["bytes_recv_sum"]
    out["bytes_asymmetry_ratio"] = (out["bytes_sent_sum"] - out["bytes_recv_sum"]) / total if total else None
    return out


def segment_of(address, networks):
    named = [(ipaddress.ip_network(each), name) for name, nets in networks.segments.items() for each in nets]
    holding = [(net.prefixlen, name) for net, name in named if ipaddress.ip_address(address) in net]
    bits = networks.ipv6_segment_prefix_length if ":" in address else networks.ipv4_segment_prefix_length
    return max(holding)[1] if holding else str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


def is_in(address, named):
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(each) for nets in named.values() for each in nets)


def peer_metrics(rows, segments):
    dimensions = {
        "peer_ip": lambda r: r["peer_ip"],
        "peer_port": lambda r: r["peer_port"],
        "peer_segment": lambda r: segments[r["peer_ip"]],
    }
    out = {}
    for dimension, value_of in dimensions.items():
        sessions, size = Counter(), Counter()
        for r in rows:
            sessions[value_of(r)] += r["sessions_cnt"]
            size[value_of(r)] += r["bytes_sent_sum"] + r["bytes_recv_sum"]
        n, total = sum(sessions.values()), sum(size.values())
        out[dimension + "_nunique"] = len(sessions)
        out[dimension + "_entropy"] = math.fsum(c / n * math.log2(n / c) for c in sessions.values())
        out[dimension + "_top1_sessions_share"] = max(sessions.values()) / n
        out[dimension + "_top1_bytes_share"] = max(size.values()) / total if total else None
    return out


def peer_classes(rows, high_risk_peers):
    admin, high_risk = ([r for r in rows if r[f"is_{name}_port"]] for name in ("admin", "high_risk"))
    return {
        "admin_peer_cnt": len({r["peer_ip"] for r in admin}),
        "high_risk_peer_cnt": len({r["peer_ip"] for r in high_risk}),
        "high_risk_port_cnt": len({r["peer_port"] for r in high_risk}),
        "high_risk_segment_sessions_cnt": sum(r["sessions_cnt"] for r in rows if r["peer_ip"] in high_risk_peers),
    }


def seen(start, end, published, days, lookback_days):
    slices = [start + number * QUARTER for number in range((end - start) // QUARTER)]
    return {
        "window_coverage": sum(at in published for at in slices) / len(slices),
        "lookback_days": sum(start.date() - timedelta(days=ago + 1) in days for ago in range(lookback_days)),
    }


def novelty(current, past, start, settings):
    midnight = start.replace(hour=0, minute=0)
    opening = midnight - timedelta(days=settings.lookback_days)
    before = [r for r in past if opening <= r["slice_start"] < start]
    out = {}
    for name, columns in {"peer": ["peer_ip"], "port": ["peer_port"], "pair": ["peer_ip", "peer_port"]}.items():
        days = defaultdict(set)
        for r in before:
            days[tuple(r[c] for c in columns)].add(r["slice_start"].date())
        seen = {tuple(r[c] for c in columns) for r in current}
        out[f"new_{name}_cnt"] = sum(not days[v] for v in seen)
        out[f"rare_{name}_cnt"] = sum(1 <= len(days[v]) <= settings.rare_max_active_days for v in seen)
    return out


def new_segments(current, past, start, lookback_days, segments):
    opening = start.replace(hour=0, minute=0) - timedelta(days=lookback_days)
    known = {segments[r["peer_ip"]] for r in past if opening <= r["slice_start"] < start}
    return {"new_peer_segment_cnt": len({segments[r["peer_ip"]] for r in current} - known)}


def local_columns(end, calendar):
    """The default bands, written down a second time."""
    local = (end - QUARTER).astimezone(ZoneInfo(calendar.time_zone))
    is_weekend = local.weekday() >= 5 or local.date() in calendar.holidays
    if not 8 <= local.hour < 22:
        band = "night"
    elif is_weekend:
        band = "weekend_day"
    else:
        band = "working_hours" if local.hour < 18 else "evening"
    return {
        "hour_of_day": local.hour,
        "day_of_week": local.weekday(),
        "is_weekend": is_weekend,
        "time_band": band,
    }


def pair_baseline(history, end, horizon_days=30):
    """Return `pair_host` rows that a 30d baseline would hold for these outbound and inbound peer rows."""
    last_day = (end - timedelta(microseconds=1)).date()
    days = defaultdict(set)
    for r in history:
        if end - timedelta(days=horizon_days) <= r["slice_start"] < end:
            source, target = (r["host_ip"], r["peer_ip"])[:: 1 if r["role"] == "outbound" else -1]
            days[source, target, r["peer_port"]].add((last_day - r["slice_start"].date()).days)
    return [
        {
            "src_ip": source,
            "dst_ip": target,
            "dst_port": port,
            "active_days_mask": sum(1 << day for day in ago),
            "last_seen": datetime(1970, 1, 1, tzinfo=UTC),
            "baseline_end": end,
        }
        for (source, target, port), ago in days.items()
    ]
