"""FG-B: what is known of an address."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.keys import HORIZON_COLUMNS, HOST

FG_B_IP_METADATA: Final = Dataset(
    "ip_metadata",
    ("host_ip", "baseline_horizon", "baseline_end"),
    (
        HOST,
        *HORIZON_COLUMNS,
        Column("machine_name", "string", "from the newest inventory", null="the inventory does not know the address"),
        Column("is_full_history", "bool", "seen on the first and on the last UTC day of the horizon"),
        Column("is_non_persistent_machine", "bool", "the name starts with a prefix of non_persistent_prefixes"),
        Column("is_cold_start", "bool", "without full history, or non-persistent: judge by its segment"),
    ),
    "baseline_end",
    is_window_end=True,
)
