from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.jobs import fg_c_oracle as oracle
from tests.jobs.fg_c_tables import BANDS, HOSTS, METRICS, NOON, SEGMENTS, SPEC, WINDOWS, baseline, feature_rows

from ndr.contract.datasets import FG_C_HOSTS, FG_C_SCORES
from ndr.contract.jobspecs.fg_c_builder import Calibration as CalibrationRules
from ndr.contract.jobspecs.fg_c_builder import Discount
from ndr.contract.time import DAY, SLICE, microseconds
from ndr.jobs.fg_c.absences import silences
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.discounts import Discounts
from ndr.jobs.fg_c.host_counts import host_counts
from ndr.jobs.fg_c.host_days import host_day_p_values
from ndr.jobs.fg_c.hosts import HostScores
from ndr.jobs.fg_c.judges import HorizonBaseline
from ndr.jobs.fg_c.kernel import Scoring, minimum_scale
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.jobs.fg_c.scopes import Scopes
from ndr.jobs.fg_c.unusual import unusual_parts
from ndr.store.publish import check_table

SUPPORT_MIN = 20
LEAST = dict.fromkeys(WINDOWS, SUPPORT_MIN)
WEIGHTS = {"host": 1.0, "segment": 0.7, "network": 0.5, "none": 0.0}
SEGMENT_OF = dict(zip(HOSTS, SEGMENTS, strict=True))
UNCALIBRATED = Calibration(np.zeros(0), 1)


def expected_shares(rows: FeatureRows, metrics: tuple[str, ...]) -> np.ndarray:
    """Of every other row, half of the days; nothing is known of the others."""
    shares = np.full((len(rows), len(metrics)), np.nan)
    shares[(rows.ends // 900_000_000) % 2 == 0] = 0.5
    return shares


def highest_at(horizon: str, end: int, place: int) -> float | None:
    """Of every third slice, a value that differs by horizon and metric; nothing is known of the others."""
    return 2.0 + place * (3 if horizon == "7d" else 5) if (end // 900_000_000) % 3 == 0 else None


def second_highest(known: HorizonBaseline, rows: FeatureRows, metrics: Sequence[str]) -> np.ndarray:
    of_rows = [[highest_at(known.horizon, end, place) for place in range(len(metrics))] for end in rows.ends.tolist()]
    return np.array(of_rows, float)


DISCOUNT = Discount(min_hosts=4, usual_share=0.2)


def discounted(seed: int) -> Any:
    """The same with the discounts that follow from the counts of these few hosts."""
    part, baselines = scored(seed)
    segments = [SEGMENT_OF[host] for host in part.rows.hosts]
    scoring = Scoring.of(part.rows, baselines, segments, SPEC, LEAST, expected_shares, second_highest)
    scopes = Scopes.of(part.rows, segments)
    counts = host_counts(unusual_parts(scoring), part.rows, scopes, set(segments), part.metrics)
    discounts = Discounts.of(counts, part.metrics, DISCOUNT)
    discounted = discounts.of_rows(part.rows, scopes, scopes.places(discounts.groups))
    return part, part.with_discounts(discounted), baselines


def scored(seed: int) -> Any:
    baselines = [baseline("7d", seed + 1, 1), baseline("30d", seed + 2, 3)]
    rows = FeatureRows.of(feature_rows(seed))
    segments = [SEGMENT_OF[host] for host in rows.hosts]
    return Scoring.of(rows, baselines, segments, SPEC, LEAST, expected_shares, second_highest).scored(rows), baselines


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_value_is_scored_as_the_definitions_say(seed: int) -> None:
    part, baselines = scored(seed)
    table = part.table()
    check_table(table, FG_C_SCORES)
    oracles = {
        each.horizon: oracle.Baseline(
            each.horizon, each.host.to_pylist(), each.segment.to_pylist(), sorted(each.cold_hosts), SUPPORT_MIN
        )
        for each in baselines
    }
    found = {tuple(row[name] for name in FG_C_SCORES.key): row for row in table.to_pylist()}
    tiers: Counter[str] = Counter()
    for row in feature_rows(seed).to_pylist():
        for metric in METRICS:
            for horizon, known in oracles.items():
                key = (row["host_ip"], row["role"], row["window_label"], row["window_end"], metric, horizon)
                if row[metric] is None:
                    assert key not in found
                    continue
                got = found.pop(key)
                tier, statistics = known.judge(row, SEGMENT_OF[row["host_ip"]], metric)
                slot = int(row["window_end"].timestamp()) // 900
                least = minimum_scale(metric, SPEC.minimum_scale)
                share = 0.5 if slot % 2 == 0 else None
                highest = highest_at(horizon, slot * 900_000_000, sorted(METRICS).index(metric))
                assert got["second_highest"] == highest
                want = oracle.score(float(row[metric]), tier, statistics, least, 0.1, WEIGHTS, share, highest)
                want["tail_probability"] = want.pop("tail")
                for name, value in want.items():
                    if isinstance(value, float):
                        assert math.isclose(got[name], value, rel_tol=1e-9, abs_tol=1e-9), (key, name)
                    else:
                        assert got[name] == value, (key, name)
                assert (got["baseline_end"] is None) == (tier == "none")
                tiers[tier] += 1
    assert not found
    assert set(tiers) == {"host", "segment", "network", "none"}  # the case has something of everything


@pytest.mark.parametrize("seed", [1, 2])
def test_a_host_s_score_follows_from_the_reasons_that_are_stored_with_it(seed: int) -> None:
    before, part, baselines = discounted(seed)
    want = oracle.discounts(before.table().to_pylist(), SEGMENT_OF, DISCOUNT.min_hosts, DISCOUNT.usual_share)
    for row in part.table().to_pylist():
        key = (row["host_ip"], row["role"], row["window_label"], row["window_end"], row["metric"])
        assert math.isclose(row["discount"], want[key], rel_tol=1e-9), key
    assert {1.0} < set(want.values())
    silent_bands = {microseconds(NOON + number * SLICE): BANDS[number % 2] for number in range(3)}
    silent = silences(part.rows.table, {"1h": silent_bands}, baselines, 0.1, 1.0)
    hosts = HostScores.of(part, 5).with_absences(silent, 5).table(UNCALIBRATED)
    check_table(hosts, FG_C_HOSTS)
    by_value = {tuple(row[name] for name in FG_C_SCORES.key): row for row in part.table().to_pylist()}
    silent_rows = 0
    for row in hosts.to_pylist():
        moment = (row["host_ip"], row["window_end"])
        own = [each for each in by_value.values() if (each["host_ip"], each["window_end"]) == moment]
        contributions = []
        for reason in row["reasons"]:
            if reason["metric"] == "silence":
                silent_rows += 1
                contributions.append(reason["contribution"])
                continue
            key = (row["host_ip"], reason["role"], reason["window_label"], row["window_end"], reason["metric"],
                   reason["baseline_horizon"])  # fmt: skip
            value = by_value[key]
            assert (reason["value"], reason["usual"]) == (value["value"], value["median"])
            assert reason["factor"] == (value["value"] / value["median"] if value["median"] else None)
            least = minimum_scale(reason["metric"], SPEC.minimum_scale)
            highest = value["second_highest"] or 0.0
            tail = max(value["p99"] - value["p95"], least, 0.1 * max(value["p99"], highest))
            beyond = reason["value"] - max((1 + (value["expected"] or 0.0)) * value["p99"], highest)
            assert reason["discount"] == value["discount"]
            assert (reason["discount"] < 1) == (reason["unusual_hosts_share"] is not None)
            contributions.append(reason["discount"] * WEIGHTS[reason["judged_by"]] * math.log2(1 + beyond / tail))
        assert math.isclose(row["score"], sum(contributions), rel_tol=1e-9, abs_tol=1e-9)
        assert contributions == sorted(contributions, reverse=True)
        if not row["is_silent"]:
            largest = oracle.host_reasons(own, 5)
            assert [each["metric"] for each in row["reasons"]] == [each["metric"] for each in largest]
            assert row["judged_by"] == min((each["judged_by"] for each in own), key=list(WEIGHTS).index)
    assert silent_rows


def test_no_baseline_is_said() -> None:
    rows = FeatureRows.of(feature_rows(1))
    part = Scoring.of(rows, [], [SEGMENT_OF[host] for host in rows.hosts], SPEC, LEAST).scored(rows)
    assert part.table().num_rows == 0  # there is no horizon to write a row of
    hosts = HostScores.of(part, 5).table(UNCALIBRATED)
    assert set(hosts["judged_by"].to_pylist()) == {"none"}
    assert set(hosts["sentence"].to_pylist()) == {"No baseline could judge it."}
    assert set(hosts["p_value"].to_pylist()) == {None}


def test_a_p_value_is_the_rank_among_the_calibration_scores() -> None:
    calibration = Calibration.of(np.array([3.0, 1.0, 2.0, 2.0]), 4)
    assert calibration.p_values(np.array([0.0, 2.0, 2.5, 4.0])).tolist() == [1.0, 4 / 5, 2 / 5, 1 / 5]
    assert np.isnan(Calibration.of(np.array([1.0, 2.0]), 3).p_values(np.array([1.0]))).all()


def test_parts_of_the_hosts_have_the_rows_of_the_whole() -> None:
    rows = FeatureRows.of(feature_rows(2))
    parts = list(rows.parts(30))
    assert len(parts) > 2
    assert sum(len(part) for part in parts) == len(rows)
    assert [row for part in parts for row in part.table.to_pylist()] == rows.table.to_pylist()
    assert len({host for part in parts for host in set(part.host_of.tolist())}) == sum(
        len(set(part.host_of.tolist())) for part in parts
    )


def test_a_day_is_ranked_by_its_largest_score_among_those_of_the_calibration_days() -> None:
    """Two host-days of the calibration days have larger scores than a, which has two windows; the gap day has none."""
    scored_at = [
        ("a", 0, 5.0), ("a", 0, 1.0), ("b", 0, 0.0), ("a", -1, 99.0), ("a", -2, 6.0), ("b", -2, 7.0), ("b", -2, 1.0),
        ("a", -3, 4.0), ("a", -4, 99.0),
    ]  # fmt: skip
    midnight = NOON.replace(hour=0)
    hosts = pa.table(
        {
            "host_ip": [host for host, _, _ in scored_at],
            "window_end": [midnight + day * DAY + (place + 1) * SLICE for place, (_, day, _) in enumerate(scored_at)],
            "score": [score for _, _, score in scored_at],
        }
    )
    rules = CalibrationRules(days=2, gap_days=1, min_scores=3)
    assert host_day_p_values(hosts, midnight, rules).to_pylist() == [
        {"host_ip": "a", "score": 5.0, "windows_cnt": 2, "p_value": 3 / 4},
        {"host_ip": "b", "score": 0.0, "windows_cnt": 1, "p_value": 1.0},
    ]
    short = rules.model_copy(update={"min_scores": 4})
    assert host_day_p_values(hosts, midnight, short)["p_value"].to_pylist() == [None, None]
