"""Pair findings: what makes a pair new, rare or regular, and that its score follows from the row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from ndr.contract.datasets import FG_B_PAIR_HOST, FG_C_PAIRS, PAIR_COUNTS
from ndr.contract.time import DAY, SLICE, Interval
from ndr.jobs.fg_c.pairs import KNOWN, PairBaseline, pair_findings
from ndr.jobs.regularity import PairScoreRules
from ndr.store.publish import check_table
from ndr.store.schema import arrow_schema

END = datetime(2026, 2, 3, 12, tzinfo=UTC)
DAY_BEFORE = Interval(END - DAY, END)
HOSTS = [f"10.0.0.{number}" for number in range(1, 9)]


def counts(pairs: dict[tuple[str, str, int], list[int]], volume: int = 1000) -> pa.Table:
    """Pair counts with a flow in the given slices of the 24 hours, counted from their end."""
    rows = [
        {
            "src_ip": source,
            "dst_ip": destination,
            "dst_port": port,
            "slice_start": END - (number + 1) * SLICE,
            "sessions_cnt": 1,
            "allow_cnt": 1,
            "deny_cnt": 0,
            "src_bytes_sum": volume,
            "dst_bytes_sum": 0,
        }
        for (source, destination, port), slices in pairs.items()
        for number in slices
    ]
    return pa.Table.from_pylist(rows, arrow_schema(PAIR_COUNTS))


def known(length: timedelta, pairs: list[tuple[str, str, int]], **facts: Any) -> PairBaseline:
    """A baseline in which each of eight active hosts has everyday pairs, unless told otherwise."""
    usual = {"active_days": 7, "pair_rarity_score": 0.0, "is_rare_pair": False, "prevalence_hosts_cnt": 8}
    rows = [
        {"src_ip": source, "dst_ip": destination, "dst_port": port, "active_hosts_cnt": 8, **usual, **facts}
        for source, destination, port in pairs
    ]
    table = pa.Table.from_pylist(rows, arrow_schema(FG_B_PAIR_HOST))
    return PairBaseline(length, table.select(KNOWN), 672)


def findings(pairs: pa.Table, *baselines: PairBaseline) -> dict[str, dict[str, Any]]:
    """The findings by destination."""
    table = pair_findings(pairs, END, [DAY_BEFORE], baselines, PairScoreRules())
    check_table(table, FG_C_PAIRS)
    return {row["dst_ip"]: row for row in table.to_pylist()}


EVERYDAY = [(host, "192.0.2.1", 443) for host in HOSTS]


def test_a_pair_is_new_rare_or_regular_or_has_no_row() -> None:
    given = {pair: [0, 7, 40] for pair in EVERYDAY}
    given[HOSTS[0], "192.0.2.2", 443] = [0]  # in no baseline
    given[HOSTS[0], "192.0.2.3", 443] = [0]  # rare in the baseline
    given[HOSTS[0], "192.0.2.4", 443] = list(range(0, 96, 4))  # each hour
    given[HOSTS[0], "192.0.2.5", 443] = [1]  # new, and not active in the last slice
    rare = known(7 * DAY, [(HOSTS[0], "192.0.2.3", 443)], is_rare_pair=True, pair_rarity_score=0.9, active_days=1,
                 prevalence_hosts_cnt=1)  # fmt: skip
    usual = known(7 * DAY, [*EVERYDAY, (HOSTS[0], "192.0.2.4", 443)])
    baseline = PairBaseline(7 * DAY, pa.concat_tables([usual.rows, rare.rows]), 672)
    found = findings(counts(given), baseline)
    assert {name: (row["is_new"], row["is_rare"], row["is_regular"]) for name, row in found.items()} == {
        "192.0.2.2": (True, True, False),
        "192.0.2.3": (False, True, False),
        "192.0.2.4": (False, False, True),
    }
    assert found["192.0.2.2"]["sentence"] == ("10.0.0.1 to 192.0.2.2 port 443: new; 1 flow and 1 kB in 24 hours.")
    assert found["192.0.2.4"]["active_slices_share"] == 0.25
    for row in found.values():
        together = 1 - (1 - row["regularity"]) * (1 - row["volume"])
        assert row["score"] == pytest.approx(row["spread"] * row["novelty"] * together, abs=1e-9)


def test_the_longest_horizon_that_knows_a_pair_speaks_for_it() -> None:
    pair = (HOSTS[0], "192.0.2.2", 443)
    week = known(7 * DAY, EVERYDAY)
    month = known(30 * DAY, [*EVERYDAY, pair], active_days=12)
    given = counts({pair: [0], **{each: [0] for each in EVERYDAY}})
    assert findings(given, week)["192.0.2.2"]["is_new"]
    assert not findings(given, week, month)


def test_without_a_flow_in_the_last_slice_there_is_no_row() -> None:
    assert not findings(counts({(HOSTS[0], "192.0.2.2", 443): [1, 2]}), known(7 * DAY, EVERYDAY))
