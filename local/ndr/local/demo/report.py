"""The anomaly ranking as the demo prints it."""

from __future__ import annotations

from rich.console import Console

from ndr.contract.time import format_instant
from ndr.local.console.tables import print_table, shown
from ndr.local.ranking import AnomalyRanking, HostAnomaly, PairAnomaly


def print_ranking(console: Console, ranking: AnomalyRanking) -> None:
    """Print the hosts and the rare pairs that deviate most from their baseline."""
    against = f"{ranking.day} against the {ranking.horizon} baseline ending {format_instant(ranking.baseline_end)}"
    hosts = ("host", "machine", "role", "window", "metric", "value", "median", "score", "baseline of")
    rows = [_host_row(host) for host in ranking.hosts]
    print_table(console, f"Anomaly ranking: hosts, {against}", hosts, rows, right=("value", "median", "score"))
    pairs = ("source", "machine", "destination", "sessions", "bytes", "deviates in", "usual", "score", "usual of")
    rows = [_pair_row(pair) for pair in ranking.pairs]
    right = ("sessions", "bytes", "usual", "score", "days", "prevalence")
    print_table(console, "Anomaly ranking: rare pairs", (*pairs, "days", "prevalence"), rows, right=right)
    for note in ranking.notes:
        console.print(note, highlight=False)


def _host_row(host: HostAnomaly) -> tuple[object, ...]:
    baseline_of = "segment" if host.by_segment else "host"
    window = f"{host.window_label} to {host.window_end:%H:%M}"
    value, median = shown(host.value), shown(host.median)
    return (host.host_ip, host.machine_name, host.role, window, host.metric, value, median, host.score, baseline_of)


def _pair_row(pair: PairAnomaly) -> tuple[object, ...]:
    destination = f"[{pair.dst_ip}]:{pair.dst_port}" if ":" in pair.dst_ip else f"{pair.dst_ip}:{pair.dst_port}"
    volume = (pair.sessions_cnt, pair.bytes_sum, pair.measure, shown(pair.usual), pair.score, pair.measured_by)
    return (pair.src_ip, pair.machine_name, destination, *volume, pair.active_days, f"{pair.dst_prevalence:.1%}")
