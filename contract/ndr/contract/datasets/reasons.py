"""What a reason of FG-C can be about."""

from __future__ import annotations

from typing import Final

from ndr.contract.datasets.fg_a import FG_A_METRICS

SILENCE: Final = "silence"
"""The metric of a reason that says that a host had no session."""
MISSED: Final = ("sessions_cnt", "bytes_sent_sum", "bytes_recv_sum")
"""Metrics whose large values are missed when they do not come."""


def missing_name(metric: str) -> str:
    """Return the metric of a reason that says that a large value did not come."""
    return f"missing_{metric}"


REASON_METRICS: Final = (*(column.name for column in FG_A_METRICS), SILENCE, *map(missing_name, MISSED))
"""The metrics of reasons: those of FG-A, and what did not happen."""
