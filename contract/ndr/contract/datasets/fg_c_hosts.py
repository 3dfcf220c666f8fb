"""FG-C: scores of the hosts, with their reasons."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.fg_c import DISCOUNTED_BY, JUDGES
from ndr.contract.datasets.keys import HOST
from ndr.contract.datasets.roles import ROLES
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import WINDOWS
from ndr.contract.wording import listed

REASON_FIELDS: Final = (
    Column("metric", "string", "what was unusual"),
    Column("role", "string", listed(ROLES)),
    Column("window_label", "string", listed(WINDOWS)),
    Column("baseline_horizon", "string", listed(HORIZONS)),
    Column("judged_by", "string", listed(JUDGES)),
    Column("value", "float64", "the metric in the window", "of the metric"),
    Column("usual", "float64", "the baseline's median", "of the metric"),
    Column("factor", "float64", "how many times the usual", "ratio", "value / usual", "usual is 0"),
    Column("contribution", "float64", "its part of the score, with the discount", "points"),
    Column(
        "discount",
        "float64",
        "what is left of the contribution because many hosts are unusual in the metric in the same window; else 1",
        "ratio",
        "min(1, ln(q) / ln(0.05)), q the lower bound of unusual_hosts_share",
        source="Shannon 1948; Wilson 1927",
    ),
    Column("discounted_by", "string", f"whose hosts these are: {listed(DISCOUNTED_BY)}"),
    Column(
        "unusual_hosts_share",
        "float64",
        "hosts that are unusual in the metric, role and window, of the judged ones",
        "share",
        null="discounted_by is none",
    ),
)
FG_C_HOSTS: Final = Dataset(
    "hosts",
    ("host_ip", "window_end"),
    (
        HOST,
        Column("window_end", "timestamp", "end of the windows, exclusive"),
        Column(
            "score", "float64", "how unusual the host is; 0 is usual", "points", "sum of the reasons' contributions"
        ),
        Column(
            "p_value",
            "float64",
            "share of the calibration scores at least as large",
            "share",
            "(1 + those at least as large) / (1 + calibration_count)",
            "calibration_count is below calibration.min_scores of the JobSpec",
            "Vovk, Gammerman & Shafer 2005",
        ),
        Column("calibration_count", "int64", "scores of the calibration days that the p value ranks among", "scores"),
        Column("is_silent", "bool", "the host is usually active and had no session in the last hour"),
        Column("judged_by", "string", f"the nearest baseline that judged any value: {listed(JUDGES)}"),
        Column("reasons", "reasons", "the largest contributions, at most five, one a metric"),
        Column("sentence", "string", "the same in words"),
    ),
    "window_end",
    is_window_end=True,
)
