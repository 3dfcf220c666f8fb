"""The findings as the demo prints them."""

from __future__ import annotations

from rich.console import Console

from ndr.contract.wording import counted
from ndr.findings import Findings, HostFinding, PairFinding
from ndr.local.console.tables import print_table


def print_findings(console: Console, findings: Findings) -> None:
    """Print the hosts and the pairs with the largest scores of the day, each with its reasons."""
    hosts = [_host_row(host) for host in findings.hosts]
    print_table(console, f"Findings: hosts, {findings.day}", ("host", "machine", "until", "score", "p", "why"), hosts,
                right=("score", "p"))  # fmt: skip
    pairs = [_pair_row(pair) for pair in findings.pairs]
    print_table(console, f"Findings: pairs, {findings.day}", ("source", "machine", "score", "why"), pairs,
                right=("score",))  # fmt: skip
    scored = f"{counted(findings.hosts_scored, 'host was', 'hosts were')} scored, and "
    scored += counted(findings.pairs_scored, "pair that is new or rare.", "pairs that are new or rare.")
    console.print(f"{scored} A score of 0 is usual.", highlight=False)


def _host_row(host: HostFinding) -> tuple[object, ...]:
    p_value = None if host.p_value is None else f"{host.p_value:.2g}"
    return host.host_ip, host.machine_name, f"{host.window_end:%H:%M}", f"{host.score:.1f}", p_value, host.sentence


def _pair_row(pair: PairFinding) -> tuple[object, ...]:
    return pair.src_ip, pair.machine_name, f"{pair.score:.1f}", pair.sentence
