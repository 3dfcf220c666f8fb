"""A backup at two every night: expected at its hour, an anomaly at another, beyond its size, and when it is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.jobs.fg_c_tables import METRICS, SPEC

from ndr.contract.datasets import FG_A, FG_B_PROFILE, PROFILE_METRICS, fg_b_host, fg_b_segment
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import microseconds
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.judges import HorizonBaseline
from ndr.jobs.fg_c.parts import ScoringRules, scored_tables
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.store.schema import arrow_schema

NIGHT = datetime(2026, 2, 3, tzinfo=UTC)
HOST = "10.0.0.7"
BACKUP = 50 * 10**9
OFTEN = ("sessions_cnt", "bytes_recv_sum", *METRICS)
NAMES = tuple(dict.fromkeys(OFTEN))


def baseline(
    horizon: str = "30d", p99: int = BACKUP, share: float = 1.0, second_highest: int | None = None
) -> HorizonBaseline:
    """A month in which the host sends a backup at two; at other hours it sends a megabyte an hour."""
    statistics: dict[str, Any] = {"active_ratio": 0.5, "rows_cnt": 400}
    for metric in NAMES:
        usual, high = (10**6, p99) if metric == "bytes_sent_sum" else (10.0, 12.0)
        statistics |= {
            f"{metric}_{name}": value
            for name, value in {
                "median": usual, "p25": usual, "p75": usual * 1.1, "p95": usual * 1.2, "p99": high, "iqr": usual * 0.1,
                "mad": usual * 0.05, "support_count": 240, "cold_start": False,
            }.items()
        }  # fmt: skip
    group = {"role": "outbound", "time_band": "night", "window_label": "1h"}
    host = pa.Table.from_pylist([{"host_ip": HOST, **group, **statistics}], arrow_schema(fg_b_host(NAMES)))
    profile = {
        "host_ip": HOST, "role": "outbound", "window_label": "1h", "hour_of_day": 2, "baseline_horizon": horizon,
        "baseline_end": NIGHT - timedelta(days=2), "days_observed": 30, "observed_days_mask": (1 << 30) - 1,
        **{f"{metric}_high_days_share": 0.0 for metric in PROFILE_METRICS},
        **{f"{metric}_high_days_mask": 0 for metric in PROFILE_METRICS},
        "bytes_sent_sum_high_days_share": share, "bytes_sent_sum_second_highest": second_highest,
        "bytes_sent_sum_high_days_mask": (1 << 30) - 1,
    }  # fmt: skip
    return HorizonBaseline(
        horizon,
        NIGHT - timedelta(days=2),
        host,
        arrow_schema(fg_b_segment(NAMES)).empty_table(),
        frozenset(),
        pa.Table.from_pylist([profile], arrow_schema(FG_B_PROFILE)),
    )


def scored(hour: int, sent: int, *baselines: HorizonBaseline) -> dict[str, Any]:
    """The host's row at the end of an hour in which it sent so many bytes."""
    end = NIGHT + timedelta(hours=hour + 1)
    row = {
        "host_ip": HOST, "role": "outbound", "window_label": "1h", "window_end": end, "time_band": "night",
        **dict.fromkeys(NAMES, 10), "deny_ratio": 10.0, "bytes_sent_sum": sent,
    }  # fmt: skip
    rows = FeatureRows.of(pa.Table.from_pylist([row], arrow_schema(FG_A)))
    rules = ScoringRules(SPEC, Networks(), {"1h": 20})
    bands = {"1h": {microseconds(end): "night"}}
    (tables,) = scored_tables(rows, bands, baselines or [baseline()], rules, Calibration(np.zeros(0), 1))
    (found,) = tables[1].to_pylist()
    return dict(found)


def test_a_larger_backup_is_expected_at_its_hour_only() -> None:
    assert scored(2, 2 * BACKUP)["score"] == 0
    assert scored(2, 2 * BACKUP)["sentence"] == "Nothing unusual."
    at_noon = scored(12, 2 * BACKUP)
    assert at_noon["reasons"][0]["metric"] == "bytes_sent_sum"
    assert at_noon["score"] == pytest.approx(1, abs=1e-3)


def test_ten_times_the_backup_is_not_expected() -> None:
    assert scored(2, 10 * BACKUP)["score"] == pytest.approx(np.log2(1 + (10 - 2)), abs=1e-3)


def test_a_weekly_backup_is_usual_at_its_hour_up_to_the_size_that_two_days_had() -> None:
    """The baseline caps the four Saturdays of a month, so p99 knows nothing of them. The week has one of them."""
    month = baseline(p99=2 * 10**6, share=0.0, second_highest=BACKUP)
    week = baseline("7d", p99=2 * 10**6, share=0.0)
    assert scored(2, BACKUP, month, week)["score"] == 0
    assert scored(2, BACKUP, week)["score"] > 10
    assert scored(2, 10 * BACKUP, month, week)["score"] == pytest.approx(np.log2(1 + 9 / 0.1))
    assert scored(2, int(1.1 * BACKUP), month, week)["score"] == pytest.approx(1)
    assert scored(12, BACKUP, month, week)["score"] > 10


def test_a_missing_backup_is_seen() -> None:
    found = scored(2, 10**6)
    (reason,) = found["reasons"]
    assert (reason["metric"], reason["value"], reason["usual"]) == ("missing_bytes_sent_sum", 10**6, 1.2 * 10**6)
    assert found["score"] == pytest.approx(np.log2(32))  # 30 of 30 days: a probability of 1 / 32
    assert found["is_silent"] is False
    assert found["sentence"] == (
        "bytes_sent_sum (outbound, 1h) only 1 MB, where 1.2 MB comes at this hour by its own 30d baseline."
    )
    assert scored(3, 10**6)["score"] == 0
