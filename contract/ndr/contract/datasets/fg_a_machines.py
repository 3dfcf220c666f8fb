"""FG-A: which machine had an address at the end of a window, where hosts are machines."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.keys import HOST

FG_A_MACHINES: Final = Dataset(
    "fg_a_machines",
    ("host_ip", "window_end"),
    (
        HOST,
        Column("window_end", "timestamp", "end of the windows of FG-A, exclusive"),
        Column("machine_name", "string", "had the address last before it", null="no machine had it in the last slice"),
        Column("valid_from", "timestamp", "since when it had been so", null="at all times before"),
        Column("valid_to", "timestamp", "until when it would be so, by what was known", null="without an end"),
    ),
    "window_end",
    is_window_end=True,
)
"""Only in partitions of FG-A whose hosts are machines: a row for each end of a slice and each internal address that has
a machine, or had one in the day before."""
