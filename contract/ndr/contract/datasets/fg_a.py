"""FG-A: the metrics of a host in a window."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.activity import ACTIVITY, DURATION_SUM
from ndr.contract.datasets.keys import HOST, HOUR, ROLE, TIME_BAND, WINDOW
from ndr.contract.datasets.novelty import NOVELTY
from ndr.contract.datasets.peer_metrics import PEER_CLASSES, peer_metrics
from ndr.contract.datasets.ratios import RATIOS

FG_A_METRICS: Final = (*ACTIVITY, *peer_metrics(), *PEER_CLASSES, *RATIOS, *NOVELTY)
COUNTS_AND_SUMS: Final = frozenset(
    column.name for column in FG_A_METRICS if column.type == "int64" or column.name == DURATION_SUM.name
)
"""The metrics of FG-A that are 0, and never below, in a window without a session."""

SEEN: Final = (
    Column(
        "window_coverage",
        "float64",
        "how much of the window is published; a slice of which nothing was delivered is not",
        "share",
        "published slices of the window / its slices",
    ),
    Column(
        "lookback_days",
        "int64",
        "days of the lookback, before the day of the window's start, with a published slice",
        "days",
    ),
)
"""What a row of FG-A was computed from."""

FG_A: Final = Dataset(
    "fg_a",
    ("host_ip", "role", "window_label", "window_end"),
    (
        HOST,
        ROLE,
        *WINDOW,
        *FG_A_METRICS,
        HOUR,
        Column("day_of_week", "int64", "0 is Monday, local, of the last slice's start", "weekday"),
        Column(
            "is_weekend",
            "bool",
            "day_of_week is among the weekend days of the JobSpec's calendar, or the date among its holidays",
        ),
        TIME_BAND,
        *SEEN,
    ),
    "window_end",
    is_window_end=True,
)
