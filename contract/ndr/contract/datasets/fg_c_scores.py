"""FG-C: scores of the values."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset, family
from ndr.contract.datasets.fg_c import JUDGES
from ndr.contract.datasets.keys import HOST, ROLE, WINDOW
from ndr.contract.datasets.statistics import ROBUST
from ndr.contract.horizons import HORIZONS
from ndr.contract.wording import listed

_JUDGED_BY: Final = Column("judged_by", "string", f"whose baseline judged the value: {listed(JUDGES)}")
_UNJUDGED: Final = "judged_by is none"
_NO_DRIFT: Final = "the host's baselines of the shortest and longest horizon do not both judge the value"
FG_C_SCORES: Final = Dataset(
    "scores",
    ("host_ip", "role", "window_label", "window_end", "metric", "baseline_horizon"),
    (
        HOST,
        ROLE,
        *WINDOW,
        Column("metric", "string", "a metric of FG-A, of the JobSpec's list"),
        Column("baseline_horizon", "string", listed(HORIZONS)),
        Column("baseline_end", "timestamp", "end of the baseline that was valid", null=_UNJUDGED),
        Column("value", "float64", "the metric in the window; a null value has no row", "of the metric"),
        _JUDGED_BY,
        Column("support_count", "int64", "values behind the baseline; 0 where judged_by is none", "windows"),
        *family(
            "float64",
            [(name, f"{name} of the baseline") for name in ("median", "mad", "p95", "p99")],
            unit="of the metric",
            null=_UNJUDGED,
        ),
        Column(
            "scale",
            "float64",
            "what z divides by; at least the JobSpec's minimum_scale",
            "of the metric",
            "1.4826 mad, or iqr / 1.349 where mad is 0",
            _UNJUDGED,
            f"{ROBUST}; Rousseeuw & Croux 1993",
        ),
        Column("z", "float64", "robust z score", "ratio", "(value - median) / scale", _UNJUDGED, ROBUST),
        Column(
            "log_ratio",
            "float64",
            "how many doublings the value is above the median, m the metric's minimum scale",
            "ratio",
            "log2((value + m) / (median + m))",
            f"{_UNJUDGED}, or value + m or median + m is not above 0",
        ),
        Column(
            "excess_over_p95",
            "float64",
            "how far the value is above p95",
            "of the metric",
            "max(value - p95, 0)",
            _UNJUDGED,
        ),
        Column(
            "tail_probability",
            "float64",
            "estimated share of values at least as large, never 0",
            "share",
            "interpolated between percentiles, exponential above p99; at least 1 / (support_count + 1)",
            _UNJUDGED,
            "Pickands 1975; Davison & Hinkley 1997",
        ),
        Column(
            "expected",
            "float64",
            "share of days with so large a value at this hour, of the metric of the profile that stands for it",
            "share",
            "high days / days_observed; with three weeks, the larger one of all days and of the weekday",
            "no metric of the profile stands for it, or no profile tells of the window",
        ),
        Column(
            "second_highest",
            "float64",
            "what the metric reaches at this hour on at least two days, by the profile of the horizon",
            "of the metric",
            "<metric>_second_highest of the profile",
            "the profile has not the metric, has no row for the hour, or has null there",
        ),
        Column(
            "median_7d_to_30d_ratio",
            "float64",
            "drift of the host",
            "ratio",
            "7d median / 30d median",
            f"{_NO_DRIFT}, or the 30d median is 0",
        ),
        Column(
            "median_7d_30d_mads",
            "float64",
            "drift of the host",
            "ratio",
            "(7d median - 30d median) / scale of 30d",
            _NO_DRIFT,
        ),
        Column(
            "discount",
            "float64",
            "what is left of the contribution because many hosts are unusual in the metric in the same window; else 1",
            "ratio",
            "min(1, ln(q) / ln(0.05)), q the lower bound of the share of such hosts",
            source="Shannon 1948; Wilson 1927",
        ),
        Column(
            "contribution",
            "float64",
            "what the value can add to the host's score; 0 up to p99 and second_highest, and where judged_by is none",
            "points",
            "discount weight log2(1 + max(0, value - max((1 + expected) p99, second_highest)) / s), "
            "s = p99 - p95 or least",
            source="Davison & Smith 1990",
        ),
    ),
    "window_end",
    is_window_end=True,
)
