"""FG-B: the tables of a baseline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ndr.contract.columns import Dataset
from ndr.contract.datasets.fg_b_ip_metadata import FG_B_IP_METADATA
from ndr.contract.datasets.fg_b_pairs import FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT
from ndr.contract.datasets.fg_b_profile import FG_B_PROFILE
from ndr.contract.datasets.fg_b_statistics import fg_b_host, fg_b_segment

FG_B: Final = "fg_b"
"""The dataset of the baselines: one partition a baseline, with FG_B_PARTS as its tables."""


def fg_b_tables(metrics: Iterable[str]) -> tuple[Dataset, ...]:
    """Return the schemas of a baseline's tables over `metrics`, in the order of FG_B_PARTS."""
    names = tuple(metrics)
    pairs = (FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT)
    return (fg_b_host(names), fg_b_segment(names), *pairs, FG_B_IP_METADATA, FG_B_PROFILE)


FG_B_PARTS: Final = tuple(table.name for table in fg_b_tables(()))
