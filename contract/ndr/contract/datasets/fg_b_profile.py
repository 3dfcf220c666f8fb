"""FG-B: high values by hour of day."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.keys import HORIZON_COLUMNS, HOST, HOUR, ROLE
from ndr.contract.wording import listed

PROFILE_WINDOWS: Final = ("1h", "8h", "24h")
PROFILE_METRICS: Final = ("sessions_cnt", "bytes_sent_sum", "bytes_recv_sum", "peer_ip_nunique", "deny_cnt")
"""The FG-A metrics whose high values are counted by hour of day; `ndr.jobs.fg_b.profile` says which values are high."""

FG_B_PROFILE: Final = Dataset(
    "profile",
    ("host_ip", "role", "window_label", "hour_of_day", "baseline_horizon", "baseline_end"),
    (
        HOST,
        ROLE,
        Column("window_label", "string", listed(PROFILE_WINDOWS)),
        HOUR,
        *HORIZON_COLUMNS,
        Column("days_observed", "int64", "local days on which a window of this hour was published in full", "days"),
        Column(
            "observed_days_mask",
            "int64",
            "bit i is set for the observed day i local days before the last one",
            "bit mask",
        ),
        *(
            replace(each, name=f"{metric}_{each.name}", meaning=each.meaning.format(metric=metric))
            for metric in PROFILE_METRICS
            for each in (
                Column(
                    "high_days_share",
                    "float64",
                    "observed days on which {metric} was high: x >= p95 and x > median",
                    "share",
                    "high days / days_observed",
                ),
                Column(
                    "high_days_mask",
                    "int64",
                    "as observed_days_mask, of the days on which {metric} was high",
                    "bit mask",
                ),
                Column(
                    "second_highest",
                    "float64",
                    "what {metric} reaches at the hour on at least two days",
                    "of the metric",
                    "second largest of the observed days' maxima, not capped",
                    "fewer than two days have a value above 0",
                ),
            )
        ),
    ),
    "baseline_end",
    is_window_end=True,
)
