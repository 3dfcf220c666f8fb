"""The tables that people read: one name for each table of each dataset, in SQL as in `ndr.read`."""

from __future__ import annotations

from typing import Final

from ndr.contract.datasets import (
    DELTAS,
    FG_A,
    FG_B,
    FG_B_PARTS,
    FG_C,
    FG_C_PARTS,
    MACHINE_INVENTORY,
    PAIR_COUNTS,
    PEER_DELTAS,
    QUARANTINE,
)


def table_name(dataset: str) -> str:
    """Return the name of a dataset's table: `fg_b_host` of `host`, `fg_c_hosts` of `hosts`, otherwise its own."""
    if dataset in FG_B_PARTS:
        return f"{FG_B}_{dataset}"
    return f"{FG_C}_{dataset}" if dataset in FG_C_PARTS else dataset


TABLE_NAMES: Final = tuple(
    table_name(dataset)
    for dataset in (
        *(DELTAS.name, PEER_DELTAS.name, QUARANTINE.name, FG_A.name, PAIR_COUNTS.name),
        *FG_B_PARTS,
        *FG_C_PARTS,
        MACHINE_INVENTORY.name,
    )
)
"""All of them, in the order in which they are built; the inventory last."""
