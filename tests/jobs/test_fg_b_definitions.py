"""The statistics of hosts mean what they say: cases in which they misled, from flows to published baselines."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from tests.jobs.job_chain import Project

from ndr.contract.datasets import COUNTS_AND_SUMS, FG_A, fg_b_host, fg_b_segment
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, SLICE, Interval, parse_instant
from ndr.jobs.fg_b.targets import Target
from ndr.store.catalog import newest_baseline
from ndr.store.publish import read_table
from ndr.store.scan import Scan

START = parse_instant("2026-01-05")
DAYS = Interval(START, START + 9 * DAY)
METRICS = ["sessions_cnt", "bytes_sent_sum", "bytes_asymmetry_ratio"]
SERVER, DAILY, ALWAYS = "10.0.1.1", "10.0.1.2", "10.0.1.3"
QUIET = [f"10.0.1.{number}" for number in range(10, 22)]
CHANGES: dict[str, dict[str, Any]] = {
    "fg_a_builder": {"windows": ["15m", "24h"]},
    "fg_b_builder": {"metrics": METRICS, "capping": {"key_metrics": METRICS[:2]}, "safety_gap": {"7d": 1, "30d": 0}},
}


def flow(host: str, at: datetime, sent: int) -> dict[str, Any]:
    return {
        "source_ip": host, "source_port": 50_000, "destination_ip": "192.0.2.1", "destination_port": 443,
        "source_bytes": sent, "destination_bytes": 2 * sent, "event_start": at.timestamp(),
        "event_end": at.timestamp() + 1, "event_action": "allow", "event_name": "TRAFFIC", "event_reason": "tcp-fin",
        "network_transport": "tcp",
    }  # fmt: skip


def flows_of(day: Interval) -> list[dict[str, Any]]:
    """A server with a hundred times the bytes of its segment, a host with one connection a day, one in every slice."""
    random = np.random.default_rng(day.start.toordinal())
    flows = [flow(DAILY, day.start + timedelta(hours=12), sent=300)]
    for part in day.steps(SLICE):
        flows.append(flow(ALWAYS, part.start, sent=int(random.integers(400, 600))))
        if random.random() < 0.6:
            flows.append(flow(SERVER, part.start, sent=int(random.integers(40_000, 60_000))))
        flows += [
            flow(host, part.start, sent=int(random.integers(400, 600))) for host in QUIET if random.random() < 0.1
        ]
    return flows


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("ndr-test"), CHANGES)
    for day in DAYS.steps(DAY):
        project.deliver(day, flows_of(day))
    project.fifteen_minute_steps(DAYS)
    outcomes = project.baselines([Target(START + 5 * DAY, "7d"), Target(DAYS.end, "7d"), Target(DAYS.end, "30d")])
    assert [type(outcome) for _, outcome in outcomes] == [Manifest] * 3
    return project


def rows_of(project: Project, days: int, horizon: str = "7d", table: str = "host") -> list[dict[str, Any]]:
    found = newest_baseline(project.uri("fg_b"), horizon, START + days * DAY)
    assert found is not None
    dataset = {"host": fg_b_host, "segment": fg_b_segment}[table](METRICS)
    return read_table(found.uri, found.manifest, dataset).to_pylist()


def of_host(rows: list[dict[str, Any]], host: str, window: str) -> list[dict[str, Any]]:
    found = [r for r in rows if (r["host_ip"], r["role"], r["window_label"]) == (host, "outbound", window)]
    assert found
    return found


def test_a_busy_host_keeps_its_ordinary_rows(project: Project) -> None:
    for row in of_host(rows_of(project, 9), SERVER, "15m"):
        assert row["capped_rows_cnt"] <= row["rows_cnt"] / 5
        assert row["bytes_sent_sum_p99"] >= row["bytes_sent_sum_median"] > 40_000


def test_no_statistic_is_null_where_there_is_support(project: Project) -> None:
    rows = rows_of(project, 9) + rows_of(project, 9, table="segment") + rows_of(project, 5)
    for row in rows:
        for metric in METRICS:
            names = ["median", "p25", "p75", "p95", "p99", "iqr", "mad"]
            names += ["p95_all"] if metric in COUNTS_AND_SUMS else []
            assert all((row[f"{metric}_{name}"] is None) == (row[f"{metric}_support_count"] == 0) for name in names)


def test_one_connection_a_day_is_a_support_of_one_a_day(project: Project) -> None:
    """Of 24-hour windows some 96 a day hold the connection, of which one is counted."""
    rows = of_host(rows_of(project, 9), DAILY, "24h")
    assert sum(row["rows_cnt"] for row in rows) == 7 * 96
    for row in rows:
        assert row["sessions_cnt_support_count"] <= 7
        assert (row["active_slices_cnt"], row["active_days_cnt"]) == (7, 7)
    (alone,) = {row["sessions_cnt_cold_start"] for row in of_host(rows_of(project, 9), DAILY, "15m")}
    assert alone, "of seven 15-minute windows no baseline can be made"


def test_the_denominator_is_the_published_time(project: Project) -> None:
    """Four of the seven days of the horizon are published; windows that reach before them are not whole."""
    rows = rows_of(project, 5)
    for window in ("15m", "24h"):
        assert {row["active_ratio"] for row in of_host(rows, ALWAYS, window)} == {1.0}
    found = newest_baseline(project.uri("fg_b"), "7d", START + 5 * DAY)
    assert found is not None
    assert found.manifest.coverage == pytest.approx(4 / 7)
    assert sum(row["rows_cnt"] for row in of_host(rows, ALWAYS, "24h")) == 3 * 96 + 1


def test_a_percentile_over_all_windows_counts_the_silent_ones_as_zero(project: Project) -> None:
    features = Scan.of(project.uri("fg_a"), FG_A, DAYS).read().to_pylist()
    stop = DAYS.end - DAY
    for row in of_host(rows_of(project, 9), QUIET[0], "15m"):
        own = [
            f["bytes_sent_sum"]
            for f in features
            if all(f[name] == row[name] for name in ("host_ip", "role", "time_band", "window_label"))
            and stop - 7 * DAY < f["window_end"] <= stop
        ]
        assert row["capped_rows_cnt"] == 0
        published = round(len(own) / row["active_ratio"])
        assert row["bytes_sent_sum_p95_all"] == pytest.approx(np.percentile([0.0] * (published - len(own)) + own, 95))
        assert row["bytes_sent_sum_p95_all"] < row["bytes_sent_sum_p95"]


def test_a_baseline_stops_a_safety_gap_before_its_end(project: Project) -> None:
    week, month = (newest_baseline(project.uri("fg_b"), horizon, DAYS.end) for horizon in ("7d", "30d"))
    assert week is not None
    assert month is not None
    assert (week.manifest.end, week.manifest.summarized) == (DAYS.end, Interval(START + DAY, DAYS.end - DAY))
    assert month.manifest.summarized == Interval(DAYS.end - 30 * DAY, DAYS.end)
    assert {(asked.start, asked.end) for asked in week.manifest.reads} == {(START + DAY, DAYS.end - DAY)}
    (row,) = {(r["baseline_end"], r["active_days_cnt"]) for r in of_host(rows_of(project, 9), ALWAYS, "15m")}
    assert row == (DAYS.end, 7)
