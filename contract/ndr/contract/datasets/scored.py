"""What FG-C scores, and what tells whether it is expected."""

from __future__ import annotations

from typing import Final

from ndr.contract.datasets.fg_b_profile import PROFILE_METRICS

SCORED_METRICS: Final = (
    "sessions_cnt",
    "max_sessions_per_minute",
    "bytes_sent_sum",
    "bytes_recv_sum",
    "deny_cnt",
    "syn_only_cnt",
    "peer_ip_nunique",
    "peer_port_nunique",
    "peer_segment_nunique",
    "new_peer_cnt",
    "new_pair_cnt",
    "high_risk_port_sessions_cnt",
    "admin_port_sessions_cnt",
    "admin_peer_cnt",
    "high_risk_peer_cnt",
    "fileshare_port_sessions_cnt",
)
"""What FG-C scores unless its JobSpec says otherwise: volume, failures, breadth, novelty, exposed services."""

EXPECTED_BY: Final = {
    **{metric: metric for metric in PROFILE_METRICS},
    "max_sessions_per_minute": "sessions_cnt",
    "fileshare_port_sessions_cnt": "sessions_cnt",
    "peer_port_nunique": "peer_ip_nunique",
    "peer_segment_nunique": "peer_ip_nunique",
    "syn_only_cnt": "deny_cnt",
}
"""The metric of the profile that tells whether a large value of a scored metric is expected at its hour. What is not
here, such as new peers and sessions to exposed ports, is expected at none."""

SCORED_WINDOWS: Final = ("1h", "8h", "24h")
"""The windows that FG-C scores unless its JobSpec says otherwise: those that have a profile."""

SILENCE_WINDOW: Final = "1h"
"""A host is silent when it has no session in this window."""
