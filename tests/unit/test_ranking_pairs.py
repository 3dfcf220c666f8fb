"""Ranking of rare pairs: scores with known answers, on published partitions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tests.unit.ranking_partitions import (
    fg_a_row,
    jobspecs_of,
    pair_row,
    publish_baseline,
    publish_fg_a,
    publish_pairs,
)

from ndr.local.ranking import USUAL_MIN, AnomalyRanking, rank_anomalies

SOURCE, NEIGHBOUR, SERVER, ODD = "10.0.0.1", "10.0.0.2", "10.0.0.9", "203.0.113.7"


def pair_baseline(source: str, destination: str, port: int, rare: bool, days: int = 1) -> dict[str, Any]:
    return {"src_ip": source, "dst_ip": destination, "dst_port": port, "is_rare_pair": rare, "active_days": days,
            "dst_prevalence": 0.02 if rare else 0.9}  # fmt: skip


def found(root: Path, rows: list[dict[str, Any]], tables: dict[str, list[dict[str, Any]]]) -> AnomalyRanking:
    publish_fg_a(root / "fg_a", [fg_a_row(SOURCE)])
    publish_pairs(root / "pair_counts", rows)
    publish_baseline(root / "fg_b", tables)
    return rank_anomalies(jobspecs_of(root))


def usual(source: str, sessions: int, size: int, days: int = USUAL_MIN) -> list[dict[str, Any]]:
    return [pair_row(source, SERVER, 53, day, sessions, size) for day in range(days)]


def test_rare_pair_is_measured_by_its_sources_usual_pair_days(tmp_path: Path) -> None:
    rows = [*usual(SOURCE, 9, 999), *usual(NEIGHBOUR, 99, 10**6), pair_row(SOURCE, ODD, 443, sessions=99, size=999)]
    pairs = [
        pair_baseline(SOURCE, SERVER, 53, False, 30),
        pair_baseline(NEIGHBOUR, SERVER, 53, False, 30),
        pair_baseline(SOURCE, ODD, 443, True),
    ]
    result = found(tmp_path, rows, {"pair_host": pairs})
    (only,) = result.pairs
    assert (only.src_ip, only.dst_ip, only.dst_port) == (SOURCE, ODD, 443)
    assert (only.measure, only.sessions_cnt, only.bytes_sum, only.measured_by) == ("sessions", 99, 999, "source")
    assert math.isclose(only.usual, 9)
    assert math.isclose(only.score, math.log(10) / math.log(2))  # equal values: the smallest scale
    assert "3 pairs on the day, 1 of them rare" in result.notes[1]


def test_the_measure_with_the_larger_score_is_reported(tmp_path: Path) -> None:
    rows = [*usual(SOURCE, 9, 999), pair_row(SOURCE, ODD, 443, sessions=19, size=10**9)]
    result = found(
        tmp_path,
        rows,
        {"pair_host": [pair_baseline(SOURCE, SERVER, 53, False, 30), pair_baseline(SOURCE, ODD, 443, True)]},
    )
    assert result.pairs[0].measure == "bytes"
    assert math.isclose(result.pairs[0].score, math.log((10**9 + 1) / 1000) / math.log(2))


def test_source_with_few_usual_pair_days_is_measured_by_its_segment_then_by_all(tmp_path: Path) -> None:
    foreign = "192.0.2.1"
    rows = [
        *usual(NEIGHBOUR, 9, 999),
        pair_row(SOURCE, ODD, 443, sessions=39),
        pair_row(foreign, ODD, 443, sessions=79),
    ]
    pairs = [
        pair_baseline(NEIGHBOUR, SERVER, 53, False, 30),
        pair_baseline(SOURCE, ODD, 443, True),
        pair_baseline(foreign, ODD, 443, True),
    ]
    result = found(tmp_path, rows, {"pair_host": pairs})
    assert [(pair.src_ip, pair.measured_by) for pair in result.pairs] == [(foreign, "all"), (SOURCE, "segment")]
    assert [round(pair.score, 9) for pair in result.pairs] == [3, 2]


def test_non_persistent_source_uses_its_segments_pairs(tmp_path: Path) -> None:
    """A virtual desktop with a new address each day has only new pairs. Its segment has had them for a month."""
    rows = [
        *usual(NEIGHBOUR, 9, 999),
        pair_row(SOURCE, SERVER, 53, sessions=500),
        pair_row(SOURCE, ODD, 443, sessions=39),
    ]
    pairs = [
        pair_baseline(NEIGHBOUR, SERVER, 53, False, 30),
        pair_baseline(SOURCE, SERVER, 53, True),
        pair_baseline(SOURCE, ODD, 443, True),
    ]
    of_segment = [
        {**pair_baseline("", SERVER, 53, False, 30), "segment_id": "10.0.0.0/24"},
        {**pair_baseline("", ODD, 443, True, 2), "segment_id": "10.0.0.0/24"},
    ]
    by_segment = [{key: value for key, value in row.items() if key != "src_ip"} for row in of_segment]
    desktop = {"host_ip": SOURCE, "machine_name": "VDI-001", "is_non_persistent_machine": True, "is_cold_start": True}
    result = found(tmp_path, rows, {"pair_host": pairs, "pair_segment": by_segment, "ip_metadata": [desktop]})
    assert [(pair.dst_ip, pair.active_days, pair.machine_name) for pair in result.pairs] == [(ODD, 2, "VDI-001")]


def test_pairs_of_other_days_and_less_than_usual_do_not_lead(tmp_path: Path) -> None:
    rows = [
        *usual(SOURCE, 9, 999),
        pair_row(SOURCE, "203.0.113.8", 443, day=1, sessions=10_000),
        pair_row(SOURCE, ODD, 443, sessions=1, size=1),
    ]
    pairs = [
        pair_baseline(SOURCE, SERVER, 53, False, 30),
        pair_baseline(SOURCE, ODD, 443, True),
        pair_baseline(SOURCE, "203.0.113.8", 443, True),
    ]
    result = found(tmp_path, rows, {"pair_host": pairs})
    assert [pair.dst_ip for pair in result.pairs] == [ODD]
    assert result.pairs[0].score < 0
