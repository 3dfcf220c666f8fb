"""Ranking of hosts: robust z-scores with known answers, on published partitions."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.unit.ranking_partitions import (
    fg_a_row,
    group,
    jobspecs_of,
    pair_row,
    publish_baseline,
    publish_fg_a,
    publish_pairs,
    statistics,
)

from ndr.contract.errors import InsufficientHistoryError
from ndr.local.ranking import AnomalyRanking, rank_anomalies

HOST, OTHER, YOUNG, FOREIGN = "10.0.0.1", "10.0.0.2", "10.0.0.3", "198.51.100.9"


def known(host: str, cold: bool = False, name: str | None = "WS") -> dict[str, object]:
    return {"host_ip": host, "machine_name": name, "is_full_history": not cold, "is_cold_start": cold}


def found(root: Path, rows: list[dict], baselines: dict[str, list[dict]], count: int = 10) -> AnomalyRanking:
    publish_fg_a(root / "fg_a", rows)
    publish_pairs(root / "pair_counts", [pair_row(HOST, "10.0.0.9", 53)])
    pair = {"src_ip": HOST, "dst_ip": "10.0.0.9", "dst_port": 53, "active_days": 30}
    publish_baseline(root / "fg_b", {"pair_host": [pair], **baselines})
    return rank_anomalies(jobspecs_of(root), count)


def test_score_is_the_distance_from_the_median_in_scaled_mads(tmp_path: Path) -> None:
    host = {**group(host_ip=HOST), **statistics(100, 20)}
    result = found(
        tmp_path,
        [fg_a_row(HOST, sessions_cnt=400, hour=1), fg_a_row(HOST, sessions_cnt=300, hour=2)],
        {"host": [host], "ip_metadata": [known(HOST)]},
    )
    (only,) = result.hosts
    assert (only.metric, only.value, only.median, only.window_end.hour) == ("sessions_cnt", 400, 100, 1)
    assert math.isclose(only.score, (400 - 100) / (1.4826 * 20))
    assert not only.by_segment
    assert (result.horizon, only.machine_name) == ("30d", "WS")


@pytest.mark.parametrize(
    ("median", "mad", "iqr", "sessions", "scale"),
    [
        (100, 0, 26.98, 400, 26.98 / 1.349),  # no MAD: the IQR
        (100, 0, 0, 400, 5.0),  # neither: 5 % of the median
        (4, 0, 0, 400, 1.0),  # at least one event
        (1000, 0.1, 0, 4000, 50.0),  # a MAD that is next to nothing
    ],
)
def test_scale_has_a_floor(tmp_path: Path, median: float, mad: float, iqr: float, sessions: int, scale: float) -> None:
    host = {**group(host_ip=HOST), **statistics(0, 0), **{
        f"sessions_cnt_{name}": value for name, value in {"median": median, "mad": mad, "iqr": iqr}.items()
    }}  # fmt: skip
    result = found(
        tmp_path, [fg_a_row(HOST, sessions_cnt=sessions)],
        {"host": [host], "ip_metadata": [known(HOST)]},
    )  # fmt: skip
    assert math.isclose(result.hosts[0].score, (sessions - median) / scale)


def test_bytes_are_measured_in_frames_at_least(tmp_path: Path) -> None:
    host = {**group(host_ip=HOST), **statistics(0, 0)}
    result = found(
        tmp_path, [fg_a_row(HOST, bytes_sent_sum=15_000)], {"host": [host], "ip_metadata": [known(HOST)]}
    )  # fmt: skip
    assert (result.hosts[0].metric, result.hosts[0].score) == ("bytes_sent_sum", 10.0)


@pytest.mark.parametrize("why", ["metric is cold", "host is cold", "host is unknown"])
def test_segment_baseline_is_used_on_cold_start(tmp_path: Path, why: str) -> None:
    own = {**group(host_ip=YOUNG), **statistics(400, 1, cold=why == "metric is cold")}
    segment = {**group(segment_id="10.0.0.0/24"), **statistics(100, 20)}
    metadata = [known(YOUNG, cold=why == "host is cold"), known(OTHER)]
    result = found(
        tmp_path,
        [fg_a_row(YOUNG, sessions_cnt=400)],
        {"host": [own], "segment": [segment], "ip_metadata": metadata[1:] if why == "host is unknown" else metadata},
    )
    assert result.hosts[0].by_segment
    assert math.isclose(result.hosts[0].score, 300 / (1.4826 * 20))


def test_host_without_any_warm_baseline_is_counted_without_a_score(tmp_path: Path) -> None:
    segment = {**group(segment_id="10.0.0.0/24"), **statistics(1, 1, cold=True)}
    result = found(
        tmp_path,
        [fg_a_row(HOST, sessions_cnt=10), fg_a_row(YOUNG, sessions_cnt=9_999)],
        {"host": [{**group(host_ip=HOST), **statistics(1, 1)}], "segment": [segment], "ip_metadata": [known(HOST)]},
    )
    assert [host.host_ip for host in result.hosts] == [HOST]
    assert "2 hosts" in result.notes[0]
    assert "1 of them" in result.notes[0]


def test_each_host_has_one_row_and_only_own_segments_are_ranked(tmp_path: Path) -> None:
    rows = [
        fg_a_row(address, hour=hour, sessions_cnt=10 * hour) for address in (HOST, OTHER, FOREIGN) for hour in (1, 2)
    ]
    baselines = [{**group(host_ip=address), **statistics(1, 1)} for address in (HOST, OTHER, FOREIGN)]
    metadata = [known(HOST), known(OTHER, name=None), known(FOREIGN, name=None)]
    result = found(tmp_path, rows, {"host": baselines, "ip_metadata": metadata})
    assert [host.host_ip for host in result.hosts] == [HOST, OTHER]
    assert {host.window_end.hour for host in result.hosts} == {2}


def test_without_an_inventory_every_host_is_ranked(tmp_path: Path) -> None:
    baselines = [{**group(host_ip=FOREIGN), **statistics(1, 1)}]
    result = found(
        tmp_path, [fg_a_row(FOREIGN, sessions_cnt=50)],
        {"host": baselines, "ip_metadata": [known(FOREIGN, name=None)]},
    )  # fmt: skip
    assert [host.host_ip for host in result.hosts] == [FOREIGN]
    assert "the inventory names none" in result.notes[0]


def test_missing_data_is_an_error_with_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(InsufficientHistoryError, match="run mini-batch"):
        rank_anomalies(jobspecs_of(tmp_path))
    publish_fg_a(tmp_path / "fg_a", [fg_a_row(HOST)])
    with pytest.raises(InsufficientHistoryError, match="run monthly"):
        rank_anomalies(jobspecs_of(tmp_path))
