"""The detection benchmark on a network of twelve days: the jobs run, every ranking has rows, attacks are placed."""

from __future__ import annotations

import pytest
from benchmarks.detection.evaluate import evaluate, p_values
from benchmarks.detection.network import Network, Size, build
from benchmarks.detection.rankings import RANKINGS
from benchmarks.detection.summary import BAITS

from ndr.local.traffic.attacks import ALL_KINDS


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return build(tmp_path_factory.mktemp("network"), 1, "all", Size(days=12, workstations=24, evaluated=1, scored=1))


def test_every_ranking_ranks_the_last_day(network: Network) -> None:
    for name, ranking in RANKINGS.items():
        for of_day in ranking(network, network.days[-1]):
            assert len(of_day) > 5, name
            assert [row.score for row in of_day] == sorted((row.score for row in of_day), reverse=True)
            assert len({row.key for row in of_day}) == len(of_day)


def test_each_attack_has_a_line_a_ranking_and_a_new_beacon_is_found(network: Network) -> None:
    *placed, baits = evaluate(network)
    assert [(line["ranking"], line["kind"]) for line in placed] == [
        (name, kind) for name in RANKINGS for kind in ALL_KINDS
    ]
    found = {(line["ranking"], line["kind"]): line for line in placed}
    assert found["scores", "beacon"]["found"]
    assert found["rita", "beacon"]["rank"]
    assert all(line["rank"] >= 1 + line["false_above"] for line in placed if line["rank"])
    assert set(baits) == {"seed", "clean", *BAITS}
    assert 0 < baits["false_in_top"] <= 10


def test_without_calibration_days_there_is_no_p_value(network: Network) -> None:
    assert p_values(network, network.days[0]) == {}
