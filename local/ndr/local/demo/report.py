"""What the demo prints at its end."""

from __future__ import annotations

from rich.console import Console

from ndr.contract.time import format_instant
from ndr.local.console.tables import print_table, shown
from ndr.local.ranking import HostStandout, PairStandout, Standouts


def print_standouts(console: Console, found: Standouts) -> None:
    """Print the ten hosts and pairs that stand out most against their baseline."""
    against = f"{found.day} against the {found.horizon} baseline ending {format_instant(found.baseline_end)}"
    hosts = ("host", "machine", "role", "window", "metric", "value", "median", "score", "baseline of")
    rows = [_host_row(host) for host in found.hosts]
    print_table(console, f"Hosts that stand out: {against}", hosts, rows, right=("value", "median", "score"))
    pairs = ("source", "machine", "destination", "sessions", "bytes", "stands out by", "usual", "score", "usual of")
    rows = [_pair_row(pair) for pair in found.pairs]
    right = ("sessions", "bytes", "usual", "score", "days", "prevalence")
    print_table(console, "Rare pairs that stand out", (*pairs, "days", "prevalence"), rows, right=right)
    for note in found.notes:
        console.print(note, highlight=False)


def _host_row(host: HostStandout) -> tuple[object, ...]:
    whose = "segment" if host.by_segment else "host"
    window = f"{host.window_label} to {host.window_end:%H:%M}"
    value, median = shown(host.value), shown(host.median)
    return (host.host_ip, host.machine_name, host.role, window, host.metric, value, median, host.score, whose)


def _pair_row(pair: PairStandout) -> tuple[object, ...]:
    destination = f"[{pair.dst_ip}]:{pair.dst_port}" if ":" in pair.dst_ip else f"{pair.dst_ip}:{pair.dst_port}"
    did = (pair.sessions_cnt, pair.bytes_sum, pair.measure, shown(pair.usual), pair.score, pair.measured_by)
    return (pair.src_ip, pair.machine_name, destination, *did, pair.active_days, f"{pair.dst_prevalence:.1%}")
