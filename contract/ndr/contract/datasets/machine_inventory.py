"""The machine inventory: names of addresses, by month."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset

MACHINE_INVENTORY: Final = Dataset(
    "machine_inventory",
    ("ip_address",),
    (
        Column("ip_address", "string", "address of the machine"),
        Column("machine_name", "string", "its name; VDI and other short-lived machines are told by its prefix"),
        Column("snapshot_month", "string", "the month of the snapshot, YYYY-MM"),
    ),
)
