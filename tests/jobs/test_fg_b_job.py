from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.jobs.column_rules import broken_rules
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import FG_A, fg_b_tables
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, WINDOWS, Interval, parse_instant
from ndr.jobs.fg_b.job import InsufficientHistory
from ndr.jobs.fg_b.targets import Target, backfill_targets
from ndr.store.catalog import newest_baseline
from ndr.store.publish import read_table
from ndr.store.scan import Scan

START = parse_instant("2026-01-05")
DAYS = Interval(START, START + 9 * DAY)
METRICS = ["sessions_cnt", "bytes_sent_sum", "deny_ratio", "peer_ip_entropy", "bytes_asymmetry_ratio"]
CHANGES: dict[str, dict[str, Any]] = {
    "fg_a_builder": {"windows": ["15m", "1h"]},
    "fg_b_builder": {
        "metrics": METRICS,
        "capping": {"key_metrics": ["sessions_cnt", "bytes_sent_sum"]},
        "support_min": 20,
    },
}
DATASETS = fg_b_tables(METRICS)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("ndr-test"), CHANGES)
    for number, day in enumerate(DAYS.steps(DAY)):
        project.deliver(day, random_flows(day, 300, seed=number))
    project.fifteen_minute_steps(DAYS)
    return project


def _tables(project: Project, target: Target) -> dict[str, list[dict[str, Any]]]:
    partition = newest_baseline(project.uri("fg_b"), target.horizon, target.end)
    assert partition is not None
    assert partition.manifest.end == target.end
    tables = {dataset: read_table(partition.uri, partition.manifest, dataset) for dataset in DATASETS}
    assert [line for dataset, table in tables.items() for line in broken_rules(dataset, table)] == []
    return {dataset.name: table.to_pylist() for dataset, table in tables.items()}


def test_published_host_statistics_equal_numpy_on_the_published_features(project: Project) -> None:
    """Recompute two hosts' baselines, capping included, from FG-A rows with numpy's own percentile."""
    target = Target(DAYS.end, "7d")
    ((_, manifest),) = project.baselines([target])
    assert isinstance(manifest, Manifest)
    assert manifest.coverage == 1.0
    features = Scan.of(project.uri("fg_a"), FG_A, DAYS).read().to_pylist()
    features = [f for f in features if f["window_end"] > DAYS.end - 7 * DAY]
    published = _tables(project, target)["host"]
    checked = 0
    for row in published:
        if row["host_ip"] not in ("10.0.1.1", "2001:db8::5"):
            continue
        own = [f for f in features if all(f[k] == row[k] for k in ("host_ip", "role", "time_band", "window_label"))]
        anomalous = [_is_anomalous(f, own) for f in own]
        capped = anomalous if sum(anomalous) <= len(own) / 5 else [False] * len(own)
        assert (row["rows_cnt"], row["capped_rows_cnt"]) == (len(own), sum(capped))
        for metric in METRICS:
            kept = [f[metric] for f, is_out in zip(own, capped, strict=True) if not is_out]
            values = np.array([value for value in kept if value is not None])
            support = _disjoint([f for f in own if f[metric] is not None])
            assert row[f"{metric}_support_count"] == support
            assert row[f"{metric}_cold_start"] == (support < 20)
            for name, percent in (("p25", 25), ("median", 50), ("p75", 75), ("p95", 95), ("p99", 99)):
                assert row[f"{metric}_{name}"] == pytest.approx(np.percentile(values, percent), rel=1e-12, abs=0)
            mad = np.median(np.abs(values - np.median(values)))
            assert row[f"{metric}_mad"] == pytest.approx(mad, rel=1e-12, abs=1e-12)
            checked += 1
    assert checked > 30


def _disjoint(rows: list[dict[str, Any]]) -> int:
    """Take windows from the last one back, each that ends before the one taken before it starts."""
    taken: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda each: each["window_end"], reverse=True):
        if not taken or row["window_end"] <= taken[-1]["window_end"] - WINDOWS[row["window_label"]]:
            taken.append(row)
    return len(taken)


def _is_anomalous(row: dict[str, Any], group: list[dict[str, Any]]) -> bool:
    for metric in ("sessions_cnt", "bytes_sent_sum"):
        values = np.array([f[metric] for f in group], dtype=float)
        median = np.median(values)
        mad = np.median(np.abs(values - median))
        if mad > 0 and abs(row[metric] - median) / mad > 6:
            return True
    return False


def test_a_backfilled_baseline_equals_the_regular_one(project: Project, tmp_path: Path) -> None:
    targets = backfill_targets("7d", "2026-01-11", "2026-01-14T00:15:00Z", project.spec("fg_b_builder").cadence)
    assert [target.end for target in targets] == [START + number * DAY for number in (6, 7, 8, 9)]
    built = project.baselines(targets)
    assert all(isinstance(outcome, Manifest) for _, outcome in built)
    backfilled = {target: _tables(project, target) for target in targets}
    for target in targets:
        project.baselines([target])
        assert _tables(project, target) == backfilled[target]
    assert backfilled[targets[0]] != backfilled[targets[3]]


def test_a_horizon_longer_than_the_history_is_said_to_be_so(project: Project) -> None:
    built = project.baselines([Target(DAYS.end, "30d"), Target(START + DAY, "7d")])
    (_, early), (_, month) = built
    assert isinstance(month, Manifest)
    assert month.coverage == pytest.approx(9 / 30)
    assert isinstance(early, InsufficientHistory)
    assert str(early) == (
        "7d ending 2026-01-06T00:00:00Z: 1.0 of 7 days are published (14%), min_coverage asks for 30%; missing are "
        "[2025-12-30T00:00:00Z, 2026-01-05T00:00:00Z); fill with the mini_batch machine: "
        '{"batch_start": "2025-12-30T00:00:00Z", "batch_end": "2026-01-05T00:00:00Z"}'
    )


def test_pairs_are_counted_over_the_horizon(project: Project) -> None:
    target = Target(DAYS.end, "7d")
    project.baselines([target])
    tables = _tables(project, target)
    week = [
        flow
        for number in range(2, 9)
        for flow in random_flows(Interval(START + number * DAY, START + (number + 1) * DAY), 300, seed=number)
    ]
    assert sum(row["pair_seen_count"] for row in tables["pair_host"]) == len(week)
    assert sum(row["pair_seen_count"] for row in tables["pair_segment"]) == len(week)
    active = {flow["source_ip"] for flow in week}
    for row in tables["pair_host"][:20]:
        mine = [
            flow
            for flow in week
            if (flow["source_ip"], flow["destination_ip"], flow["destination_port"])
            == (row["src_ip"], row["dst_ip"], row["dst_port"])
        ]
        days = {int(flow["event_start"] // timedelta(days=1).total_seconds()) for flow in mine}
        assert (row["pair_seen_count"], row["active_days"]) == (len(mine), len(days))
        assert row["active_days_mask"].bit_count() == len(days)
        contacts = {
            flow["source_ip"]
            for flow in week
            if (flow["destination_ip"], flow["destination_port"]) == (row["dst_ip"], row["dst_port"])
        }
        assert row["dst_prevalence"] == pytest.approx(len(contacts) / len(active))
