"""The work of the 15-minute pipeline's jobs: what they take for a batch of so many flows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FLOWS_PER_HOST_DAY: Final = 2000
"""Assumed where no traffic is measured."""

SECONDS: Final[Mapping[str, tuple[float, float]]] = {
    "delta_builder": (5.0, 4.0),
    "fg_a_builder": (9.0, 5.0),
    "pair_counts_builder": (4.0, 4.0),
    "fg_c_builder": (6.0, 140.0),
}
"""Seconds for 1,000 hosts, whatever the batch holds, and seconds for a million flows.

From benchmarks/results/mini_batch.json, in core seconds and rounded up, the last jobs by the second in which they
register the Iceberg tables. Durations measured in an account are not used: history is loaded in days there, whose jobs
take other times than those of slices.
"""

Work = Mapping[str, float]
"""Seconds by job name."""


def batch_work(hosts: int, flows: float) -> Work:
    """Return the seconds of each job for a batch of so many flows, without its start-up."""
    return {job: each * hosts / 1000 + million * flows / 1e6 for job, (each, million) in SECONDS.items()}
