"""FG-B: the peers of hosts that are machines, for FG-A."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.keys import HORIZON_COLUMNS, ROLE

FG_B_PEER_HISTORY: Final = Dataset(
    "peer_history",
    ("host", "role", "peer_ip", "peer_port", "baseline_horizon", "baseline_end"),
    (
        Column("host", "string", "`@`, 4 or 6 and the machine; the address where no machine had it"),
        ROLE,
        Column("peer_ip", "string", "the other end of the flows"),
        Column("peer_port", "int64", "destination port", "port number"),
        *HORIZON_COLUMNS,
        Column(
            "active_days_mask",
            "int64",
            "bit i: the host had a flow with the peer i UTC days before the last one summarized",
            "bit mask",
        ),
    ),
    "baseline_end",
    is_window_end=True,
)
"""Only in baselines of the longest horizon whose hosts are machines. It also has machines without an address at the
end, which no table by address can have."""
