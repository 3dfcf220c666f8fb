"""Pair counts: the flows of a source with a destination and port in a slice."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.activity import ACTIONS
from ndr.contract.datasets.destination import DESTINATION, DIRECTED_BYTES
from ndr.contract.datasets.keys import SLICE

PAIR_COUNTS: Final = Dataset(
    "pair_counts",
    ("src_ip", "dst_ip", "dst_port", "slice_start"),
    (Column("src_ip", "string", "source of the flows"), *DESTINATION, SLICE, *ACTIONS, *DIRECTED_BYTES),
    "slice_start",
)
