"""The datasets: their keys and columns. Each column is declared once, here, with all that docs/features.md says of it.

Types are words that every engine knows: `string`, `int64`, `float64`, `bool`, `date` and `timestamp`
(microseconds, UTC); `reasons` is a list of structures with REASON_FIELDS. Source and destination follow the flow;
`host_ip` in role `outbound` is the flow's source, in role `inbound` its destination; the peer is the other end;
`peer_port` is always the destination port.
"""

from __future__ import annotations

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.activity import ACTIVITY, COUNTS, DURATION_SUM, MAXIMA, PORT_CLASSES
from ndr.contract.datasets.deltas import DELTAS, LATE_FOLDER
from ndr.contract.datasets.fg_a import COUNTS_AND_SUMS, FG_A, FG_A_METRICS, SEEN
from ndr.contract.datasets.fg_a_machines import FG_A_MACHINES
from ndr.contract.datasets.fg_b import FG_B, FG_B_PARTS, fg_b_tables
from ndr.contract.datasets.fg_b_ip_metadata import FG_B_IP_METADATA
from ndr.contract.datasets.fg_b_pairs import FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT
from ndr.contract.datasets.fg_b_peer_history import FG_B_PEER_HISTORY
from ndr.contract.datasets.fg_b_profile import FG_B_PROFILE, PROFILE_METRICS, PROFILE_WINDOWS
from ndr.contract.datasets.fg_b_statistics import fg_b_host, fg_b_segment, statistics_dataset
from ndr.contract.datasets.fg_c import DISCOUNTED_BY, FG_C, FG_C_PARTS, JUDGES
from ndr.contract.datasets.fg_c_hosts import FG_C_HOSTS, REASON_FIELDS
from ndr.contract.datasets.fg_c_pairs import FG_C_PAIRS
from ndr.contract.datasets.fg_c_scores import FG_C_SCORES
from ndr.contract.datasets.integration import INTEGRATION
from ndr.contract.datasets.machine_inventory import MACHINE_INVENTORY
from ndr.contract.datasets.novelty import NOVELTY
from ndr.contract.datasets.pair_counts import PAIR_COUNTS
from ndr.contract.datasets.peer_deltas import PEER_DELTAS, PEER_PORT_CLASSES
from ndr.contract.datasets.peer_metrics import PEER_CLASSES, PEER_DIMENSIONS
from ndr.contract.datasets.quarantine import QUARANTINE
from ndr.contract.datasets.ratios import COUNT_RATIOS, RATIOS, Ratio
from ndr.contract.datasets.reasons import MISSED, REASON_METRICS, SILENCE, missing_name
from ndr.contract.datasets.regularity import REGULARITY
from ndr.contract.datasets.roles import INBOUND, OUTBOUND, ROLES
from ndr.contract.datasets.scored import EXPECTED_BY, SCORED_METRICS, SCORED_WINDOWS, SILENCE_WINDOW
from ndr.contract.datasets.statistics import P95_ALL, STATISTICS, statistics_of

__all__ = [
    "ACTIVITY",
    "COUNTS",
    "COUNTS_AND_SUMS",
    "COUNT_RATIOS",
    "DELTAS",
    "DISCOUNTED_BY",
    "DURATION_SUM",
    "EXPECTED_BY",
    "FG_A",
    "FG_A_MACHINES",
    "FG_A_METRICS",
    "FG_B",
    "FG_B_IP_METADATA",
    "FG_B_PAIR_HOST",
    "FG_B_PAIR_SEGMENT",
    "FG_B_PARTS",
    "FG_B_PEER_HISTORY",
    "FG_B_PROFILE",
    "FG_C",
    "FG_C_HOSTS",
    "FG_C_PAIRS",
    "FG_C_PARTS",
    "FG_C_SCORES",
    "INBOUND",
    "INTEGRATION",
    "JUDGES",
    "LATE_FOLDER",
    "MACHINE_INVENTORY",
    "MAXIMA",
    "MISSED",
    "NOVELTY",
    "OUTBOUND",
    "P95_ALL",
    "PAIR_COUNTS",
    "PEER_CLASSES",
    "PEER_DELTAS",
    "PEER_DIMENSIONS",
    "PEER_PORT_CLASSES",
    "PORT_CLASSES",
    "PROFILE_METRICS",
    "PROFILE_WINDOWS",
    "QUARANTINE",
    "RATIOS",
    "REASON_FIELDS",
    "REASON_METRICS",
    "REGULARITY",
    "ROLES",
    "SCORED_METRICS",
    "SCORED_WINDOWS",
    "SEEN",
    "SILENCE",
    "SILENCE_WINDOW",
    "STATISTICS",
    "Column",
    "Dataset",
    "Ratio",
    "fg_b_host",
    "fg_b_segment",
    "fg_b_tables",
    "missing_name",
    "statistics_dataset",
    "statistics_of",
]
