"""A patch night: many hosts receive a thousand times the usual at once, which tells little about each of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.jobs.fg_c_tables import NOON, SPEC

from ndr.contract.datasets import FG_A, FG_B_PROFILE, FG_C_HOSTS, FG_C_SCORES, fg_b_host, fg_b_segment
from ndr.contract.jobspecs.fg_c_builder import Discount
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import SLICE
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.judges import HorizonBaseline
from ndr.jobs.fg_c.parts import ScoringRules, scored_tables
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.store.schema import arrow_schema

METRICS = ("bytes_recv_sum", "bytes_sent_sum", "deny_cnt", "sessions_cnt")
USUAL, PATCH = 10**6, 10**9
UPDATE_SERVER = "10.1.0.1"
GROUP = {"time_band": "night", "window_label": "1h"}


def hosts_of(count: int, segments: int = 1) -> list[str]:
    return [f"10.0.{number % segments}.{number}" for number in range(count)]


def window(host: str, end: int = 0, role: str = "outbound", **values: int) -> dict[str, Any]:
    usual = {"bytes_recv_sum": USUAL, "bytes_sent_sum": USUAL, "deny_cnt": 0, "sessions_cnt": 10, "deny_ratio": 0.0}
    return {"host_ip": host, "role": role, "window_end": NOON + end * SLICE, **GROUP, **usual, **values}


def scored(rows: Iterable[dict[str, Any]], **rules: Any) -> tuple[pa.Table, pa.Table]:
    """The scores and hosts of one-hour windows of the night, judged by the hosts' own baselines."""
    given = list(rows)
    statistics: dict[str, Any] = {"active_ratio": 0.5, "rows_cnt": 400}
    for metric in METRICS:
        usual = 0.0 if metric == "deny_cnt" else 10.0 if metric == "sessions_cnt" else float(USUAL)
        statistics |= {f"{metric}_{name}": usual for name in ("median", "p25", "p75", "p95", "p99")}
        statistics |= {f"{metric}_iqr": 0.0, f"{metric}_mad": 0.0, f"{metric}_support_count": 240}
        statistics |= {f"{metric}_cold_start": False}
    known = sorted({(row["host_ip"], row["role"]) for row in given})
    host = [{"host_ip": name, "role": role, **GROUP, **statistics} for name, role in known]
    baseline = HorizonBaseline(
        "30d",
        NOON - timedelta(days=2),
        pa.Table.from_pylist(host, arrow_schema(fg_b_host(METRICS))),
        arrow_schema(fg_b_segment(METRICS)).empty_table(),
        frozenset(),
        arrow_schema(FG_B_PROFILE).empty_table(),
    )
    spec = SPEC.model_copy(update={"metrics": METRICS, "windows": ("1h",), **rules})
    features = FeatureRows.of(pa.Table.from_pylist(given, arrow_schema(FG_A)))
    tables = list(scored_tables(features, {}, [baseline], ScoringRules(spec, Networks(), {"1h": 20}), NO_CALIBRATION))
    return tuple(
        pa.concat_tables([each.cast(arrow_schema(dataset)) for each in of]).sort_by(
            [(n, "ascending") for n in dataset.key]
        )
        for of, dataset in zip(zip(*tables, strict=True), (FG_C_SCORES, FG_C_HOSTS), strict=True)
    )  # type: ignore[return-value]


NO_CALIBRATION = Calibration(np.zeros(0), 1)


def reasons_of(hosts: pa.Table) -> dict[tuple[str, str], dict[str, Any]]:
    """The reasons by host and metric."""
    return {(row["host_ip"], each["metric"]): each for row in hosts.to_pylist() for each in row["reasons"]}


def patched(count: int, of: int, end: int = 0, segments: int = 1) -> list[dict[str, Any]]:
    """Windows of hosts, the first ones of which are patched."""
    return [
        window(host, end, bytes_recv_sum=PATCH if number < count else USUAL)
        for number, host in enumerate(hosts_of(of, segments))
    ]


def test_what_most_hosts_do_at_once_is_discounted_and_said() -> None:
    attacked = hosts_of(100)[0]
    rows = patched(62, 100, segments=10)
    rows[0] |= {"deny_cnt": 500}
    reasons = reasons_of(scored(rows)[1])
    patch, attack = reasons[attacked, "bytes_recv_sum"], reasons[attacked, "deny_cnt"]
    assert (patch["unusual_hosts_share"], patch["discounted_by"]) == (0.62, "network")
    assert patch["discount"] == pytest.approx(0.23, abs=0.005)
    assert patch["contribution"] == pytest.approx(patch["discount"] * np.log2(1 + 999 / 0.1))
    assert (attack["discount"], attack["discounted_by"], attack["unusual_hosts_share"]) == (1.0, "none", None)
    (sentence,) = [row["sentence"] for row in scored(rows)[1].to_pylist() if row["host_ip"] == attacked]
    assert "1000 times the usual 1 MB by its own 30d baseline, while 62 % of hosts exceeded it." in sentence
    assert "deny_cnt (outbound, 1h) 500, where 0 is usual by its own 30d baseline;" in sentence


@pytest.mark.parametrize(("count", "of"), [(1, 20), (3, 20), (10, 110), (19, 19)])
def test_few_hosts_and_those_of_a_small_network_are_not_discounted(count: int, of: int) -> None:
    reasons = reasons_of(scored(patched(count, of, segments=of))[1])
    assert len(reasons) == count
    assert {each["discount"] for each in reasons.values()} == {1.0}


def test_a_segment_s_change_is_discounted_in_it_alone() -> None:
    """All 20 hosts of a segment are a fiftieth of the network, in which one host of another segment does the same."""
    segment, others = hosts_of(20), [f"10.2.{number % 250}.{number // 250}" for number in range(980)]
    rows = [window(host, bytes_recv_sum=PATCH) for host in (*segment, others[0])]
    reasons = reasons_of(scored([*rows, *map(window, others[1:])])[1])
    assert {reasons[host, "bytes_recv_sum"]["discounted_by"] for host in segment} == {"segment"}
    assert reasons[others[0], "bytes_recv_sum"]["discount"] == 1.0


def test_a_server_has_the_discount_of_its_clients_and_a_scanner_none_of_the_scanned() -> None:
    server = window(UPDATE_SERVER, role="inbound", bytes_sent_sum=25 * PATCH)
    reasons = reasons_of(scored([*patched(25, 30), server])[1])
    served, received = reasons[UPDATE_SERVER, "bytes_sent_sum"], reasons[hosts_of(1)[0], "bytes_recv_sum"]
    assert (served["discount"], served["discounted_by"]) == (received["discount"], "clients")
    scanned = [window(host, role="inbound", deny_cnt=50) for host in hosts_of(30)]
    scanner = window("10.1.0.2", deny_cnt=1500)
    reasons = reasons_of(scored([*scanned, *patched(0, 30), scanner])[1])
    assert reasons["10.1.0.2", "deny_cnt"]["discount"] == 1.0
    assert reasons[hosts_of(1)[0], "deny_cnt"]["discount"] < 0.2


def test_a_slice_has_the_discounts_of_the_day_and_a_part_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first slice a few hosts are patched, and in the second one most; the third has too few hosts."""
    slices = [patched(3, 30, 0, 2), patched(28, 30, 1, 2), patched(10, 10, 2, 2)]
    day = scored(row for rows in slices for row in rows)
    instants = {end for end, left in zip(day[0]["window_end"].to_pylist(), day[0]["discount"].to_pylist(), strict=True)
                if left < 1}  # fmt: skip
    assert instants == {NOON + SLICE}
    alone = [scored(rows) for rows in slices]
    for place, dataset in enumerate((FG_C_SCORES, FG_C_HOSTS)):
        by_key = [(name, "ascending") for name in dataset.key]
        assert pa.concat_tables([each[place] for each in alone]).sort_by(by_key) == day[place]
    monkeypatch.setattr("ndr.jobs.fg_c.kernel.PART_ROWS", 7)
    monkeypatch.setattr("ndr.jobs.fg_c.unusual.PART_ROWS", 7)
    assert scored(row for rows in slices for row in rows) == day


def test_the_jobspec_says_how_many_hosts_are_many() -> None:
    rows = patched(25, 30)
    assert {each["discount"] for each in reasons_of(scored(rows, discount=Discount(min_hosts=31))[1]).values()} == {1.0}
    strict, usual = (
        max(each["discount"] for each in reasons_of(scored(rows, discount=Discount(usual_share=share))[1]).values())
        for share in (0.01, 0.05)
    )
    assert strict < usual < 1
