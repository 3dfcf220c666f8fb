"""The ranking of the release before, with its formulas, on today's tables.

Hosts
    Each FG-A value of the day is compared with the host's baseline of the same role, time band and window:
    ``z = |x - median| / scale`` with ``scale = 1.4826 * MAD`` (``IQR / 1.349`` where the MAD is 0), at least one event
    (for bytes 1,500) and 5 % of the median. On cold start the segment's baseline is used. A host's score is its largest
    over METRICS and WINDOWS.

Pairs
    Rare pairs of the day alone, by the z of ``ln(1 + x)`` of their sessions or bytes, against the usual pair-days of
    their source, their segment, or all.
"""

from __future__ import annotations

from benchmarks.detection.before.hosts import rank_hosts
from benchmarks.detection.before.pairs import rank_pairs
from benchmarks.detection.before.published import Published
from benchmarks.detection.network import Network
from benchmarks.detection.outcomes import Ranked
from ndr.contract.time import Interval

__all__ = ["ranking"]


def ranking(network: Network, day: Interval) -> tuple[list[Ranked], ...]:
    """Return the ranking of hosts and that of rare pairs."""
    published = Published.of(network.project, day)
    hosts = [Ranked((row["host_ip"],), row["score"]) for row in rank_hosts(published)]
    pairs = [Ranked((row["src_ip"], row["dst_ip"], row["dst_port"]), row["score"]) for row in rank_pairs(published)]
    return hosts, pairs
