"""The statistics that baselines have of a metric."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column
from ndr.contract.datasets.fg_a import COUNTS_AND_SUMS

ROBUST: Final = "Iglewicz & Hoaglin 1993"
"""The source of robust z scores."""

P95_ALL: Final = "p95_all"
"""The statistic that only counts and sums have."""

_NO_VALUE: Final = "no row of the group has a value: support_count is 0"


def _percentile(name: str, percent: int) -> Column:
    return Column(
        name,
        "float64",
        f"{percent}th percentile of the values that are not capped",
        "of the metric",
        "linear between ranks",
        _NO_VALUE,
        "Hyndman & Fan 1996, type 7",
    )


STATISTICS: Final = (
    _percentile("median", 50),
    _percentile("p25", 25),
    _percentile("p75", 75),
    _percentile("p95", 95),
    _percentile("p99", 99),
    Column("iqr", "float64", "interquartile range", "of the metric", "p75 - p25", _NO_VALUE),
    Column(
        "mad",
        "float64",
        "median absolute deviation",
        "of the metric",
        "median of |x - median|",
        _NO_VALUE,
        "Hampel 1974",
    ),
    Column(
        P95_ALL,
        "float64",
        "95th percentile over all published windows; of counts and sums alone",
        "of the metric",
        "as p95, with 0 where the host had no session",
        _NO_VALUE,
        "Hyndman & Fan 1996, type 7",
    ),
    Column("support_count", "int64", "windows with a value of which no two overlap, capped ones included", "windows"),
    Column("cold_start", "bool", "support too small to judge by", formula="support_count < support_min of the window"),
)
"""The statistics of a metric, named without it."""


def statistics_of(metric: str) -> tuple[Column, ...]:
    """Return the statistics that a metric has, named without it."""
    return tuple(each for each in STATISTICS if each.name != P95_ALL or metric in COUNTS_AND_SUMS)
