"""The score of pairs: each reason by itself, and values computed by hand."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from ndr.contract.datasets import REGULARITY
from ndr.jobs.regularity import pair_scores

DAY, WEEK = 96, 672
NAMES = tuple(column.name for column in REGULARITY)
EACH_SLICE = dict(zip(NAMES, (1.0, 0.1, 0.2, None, None, DAY, 0.0, 1.0), strict=True))
"""A call or more in each slice, with nearly equal counts."""
EACH_HOUR = dict(zip(NAMES, (0.25, 0.0, 0.0, 1.0, 4, 1, 0.0, 93 / 96), strict=True))
ONCE = dict(zip(NAMES, (1 / DAY, None, None, None, None, 1, None, 1 / DAY), strict=True))
ABSENT = dict.fromkeys(NAMES)


def pair(day: dict[str, Any] = ONCE, week: dict[str, Any] = ABSENT, **other: Any) -> dict[str, Any]:
    """Return a pair that is seen every day, to a destination that one of 100 hosts contacts."""
    facts = {
        "dst_port": 443, "bytes_sent": 1000, "pair_rarity_score": 0.0, "is_rare_pair": False, "prevalence_hosts_cnt": 1,
        "active_hosts_cnt": 100,
    }  # fmt: skip
    return facts | day | {f"{name}_7d": value for name, value in week.items()} | other


def scored(*pairs: dict[str, Any], baseline_slices: int = WEEK) -> list[dict[str, Any]]:
    # The first row names the type of a column, hence a row that has all of them.
    full = pair(EACH_HOUR, EACH_HOUR)
    result: list[dict[str, Any]] = pair_scores(pa.Table.from_pylist([full, *pairs]), DAY, baseline_slices).to_pylist()
    return result[1:]


FIRST = {"pair_rarity_score": None, "is_rare_pair": None}
"""Of a pair that the baseline lacks."""
SPREAD = 1 - math.log(2) / math.log(101)


def test_regularity_is_evenness_or_repetition_weighed_with_its_evidence() -> None:
    each_slice, each_hour, once = scored(pair(EACH_SLICE, **FIRST), pair(EACH_HOUR, **FIRST), pair(**FIRST))
    assert each_slice["regularity"] == pytest.approx(0.9)
    assert each_slice["score"] == pytest.approx(SPREAD * 0.9)
    assert each_hour["regularity"] == pytest.approx(math.log(24) / math.log(96))
    assert (once["regularity"], once["score"]) == (0, 0)
    assert [each["is_regular"] for each in (each_slice, each_hour, once)] == [True, True, False]


def test_a_regular_pair_of_every_day_is_no_finding() -> None:
    daily, lately = scored(pair(EACH_SLICE), pair(EACH_SLICE, pair_rarity_score=0.9))
    assert (daily["is_regular"], daily["score"]) == (True, 0)
    assert lately["score"] == pytest.approx(SPREAD * 0.9 * 0.9)


def test_a_burst_is_not_regular_however_equal_its_gaps() -> None:
    burst = dict(zip(NAMES, (5 / 96, 0.2, 0.2, 0.85, 1, 5, 0.0, 5 / 96), strict=True))
    assert scored(pair(burst))[0]["regularity"] < 0.05


def test_the_baseline_tells_of_calls_that_a_day_has_too_few_of() -> None:
    """Four calls a day say little, 28 in a week more."""
    day = dict(zip(NAMES, (4 / 96, 0.0, 0.0, None, None, 1, 0.0, 73 / 96), strict=True))
    week = dict(zip(NAMES, (28 / 672, 0.0, 0.0, 1.0, 24, 1, 0.0, 649 / 672), strict=True))
    of_day, of_week = scored(pair(day), pair(day, week))
    assert of_day["regularity"] == pytest.approx(math.log(4) / math.log(96) * 73 / 96)
    assert of_week["regularity"] == pytest.approx(math.log(28) / math.log(672))
    assert (of_day["is_regular"], of_week["is_regular"]) == (False, True)


def test_a_periodic_service_is_known_by_its_port_and_prevalence() -> None:
    """Time from a server that all hosts ask is usual. The same calls to a server of one host's own are not."""
    usual, own, other_port = scored(
        pair(EACH_SLICE, dst_port=123, prevalence_hosts_cnt=80, **FIRST),
        pair(EACH_SLICE, dst_port=123, prevalence_hosts_cnt=1, **FIRST),
        pair(EACH_SLICE, dst_port=8443, prevalence_hosts_cnt=80, **FIRST),
    )
    assert (usual["is_well_known"], usual["regularity"], usual["score"]) == (True, 0, 0)
    assert (own["is_well_known"], own["score"]) == (False, pytest.approx(SPREAD * 0.9))
    assert other_port["is_regular"]
    assert 0 < other_port["score"] < 0.05


def test_a_pair_that_the_baseline_lacks_is_the_rarest() -> None:
    big = {"bytes_sent": 10**9}
    usual = [pair(bytes_sent=size) for size in (500, 1000, 2000, 4000)]
    *_, absent, two_days, daily = scored(
        *usual,
        pair(pair_rarity_score=None, is_rare_pair=None, prevalence_hosts_cnt=0, **big),
        pair(pair_rarity_score=0.6, is_rare_pair=True, **big),
        pair(**big),
    )
    assert absent["score"] > two_days["score"] > daily["score"] == 0
    assert (absent["is_new"], absent["is_rare"], absent["novelty"], absent["spread"]) == (True, True, 1, 1)
    assert (two_days["is_new"], two_days["is_rare"]) == (False, True)
    assert absent["score"] == pytest.approx(absent["volume"])


def test_volume_is_a_robust_z_score_of_the_logarithm() -> None:
    new = {"pair_rarity_score": None}
    sizes = [math.exp(power) for power in (6, 7, 8, 9, 14)]
    *_, large = scored(*(pair(bytes_sent=round(size), **new) for size in sizes))
    # With the 1,000 bytes of the first row (ln 6.9) the median is 7.5 and the MAD 1.
    logs = [math.log(1000), *(math.log(round(size)) for size in sizes)]
    middle = (logs[2] + logs[3]) / 2
    deviations = sorted(abs(each - middle) for each in logs)
    scale = 1.4826 * (deviations[2] + deviations[3]) / 2
    assert large["volume"] == pytest.approx(((logs[-1] - middle) / scale - 2) / 6)


def test_fewer_hosts_than_the_minimum_make_nothing_rare() -> None:
    big = {"bytes_sent": 10**9, "pair_rarity_score": None, "is_rare_pair": None, "prevalence_hosts_cnt": 0}
    four, five = scored(pair(active_hosts_cnt=4, **big), pair(active_hosts_cnt=5, **big))
    assert (four["is_new"], four["is_rare"], four["volume"], four["score"]) == (True, False, 0, 0)
    assert five["is_rare"]
    regular, service = scored(
        pair(EACH_SLICE, active_hosts_cnt=1, **FIRST), pair(EACH_SLICE, active_hosts_cnt=1, dst_port=53, **FIRST)
    )
    assert regular["score"] == pytest.approx(0.9), "regularity needs no other hosts"
    assert service["score"] == 0


def test_a_fresh_installation_calls_nothing_new() -> None:
    absent = pair(pair_rarity_score=None, is_rare_pair=None, bytes_sent=10**9, prevalence_hosts_cnt=None)
    (found,) = scored(absent, baseline_slices=0)
    assert found["is_new"] is None
    assert (found["volume"], found["score"]) == (0, 0)


def test_no_pairs_give_no_scores() -> None:
    assert scored() == []
    none = pa.Table.from_pylist([pair(EACH_HOUR, EACH_HOUR)]).slice(0, 0)
    assert pair_scores(none, DAY, WEEK).num_rows == 0
