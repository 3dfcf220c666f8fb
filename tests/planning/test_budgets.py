"""What a plan may cost: requests of S3 and of the ledger, and CPU seconds, which a busy machine does not lengthen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from tests.planning.account import Account, account, project_prefixes
from tests.planning.history import History

from ndr.contract.ledger import ledger_item
from ndr.contract.time import DAY, Interval, format_instant, parse_instant
from ndr.planner.requested_baselines import plan_requested_baselines

END: Final = parse_instant("2026-12-31")
NOW: Final = END + timedelta(hours=1)
DAYS: Final = Interval(END - 395 * DAY, END)
"""A year of baseline ends, and the 30 days that the first of them looks back."""
LOADED: Final = 2
"""A CPU second does less on a core that other processes share; the benchmark holds the budgets themselves."""
YEAR: Final = {"mode": "BACKFILL", "start": "2025-12-31", "end": "2026-12-31"}


def history(compacted_until: Any) -> Iterator[Account]:
    with account(History(DAYS, compacted_until, described_from=END, where=project_prefixes())) as held:
        yield held


@pytest.fixture
def compacted() -> Iterator[Account]:
    yield from history(END - 3 * DAY)


@pytest.fixture
def slices() -> Iterator[Account]:
    yield from history(DAYS.start)


def test_a_year_of_both_horizons_daily_over_compacted_days(compacted: Account) -> None:
    with compacted.measured() as cost:
        plan = plan_requested_baselines(compacted.services, YEAR, NOW)
    assert (plan.baselines, plan.insufficient) == (730, {})
    assert cost["s3_requests"] == 16
    assert cost["ledger_requests"] == 2
    assert cost["cpu_s"] <= 10 * LOADED


def test_a_year_of_both_horizons_daily_over_uncompacted_slices(slices: Account) -> None:
    with slices.measured() as cost:
        plan = plan_requested_baselines(slices.services, {**YEAR, "fill_upstream": True}, NOW)
    assert (plan.baselines, plan.batches, plan.not_delivered) == (730, [], [])
    # Two entries for each of 37,920 slices in two datasets, a thousand a page, and the names of the mini-batches.
    assert cost["s3_requests"] <= 2 * 76 + 16 + 38
    assert cost["cpu_s"] <= 10 * LOADED


def test_requests_follow_what_is_published_and_not_what_is_asked(compacted: Account) -> None:
    with compacted.measured() as cost:
        plan = plan_requested_baselines(compacted.services, {**YEAR, "start": "2000-01-01", "dry_run": True}, NOW)
    assert cost["s3_requests"] <= 20
    assert cost["cpu_s"] <= 10 * LOADED
    assert plan.baselines > 730


def test_since_2020_what_has_history_is_planned_and_the_rest_is_said_in_one_line(compacted: Account) -> None:
    with compacted.measured() as cost:
        request = {**YEAR, "start": "2020-01-01", "dry_run": True}
        plan = plan_requested_baselines(compacted.services, request, NOW)
    assert plan.baselines == sum(len(run.baselines) for run in plan.runs) > 730
    short = 2 * (END - parse_instant("2020-01-01")).days - plan.baselines
    assert len(plan.insufficient) == short
    assert plan.message.count(f"{short} have too little history and are not run: 7d ending 2020-01-01") == 1
    assert [(each.horizon, each.status) for each in plan.skipped] == [
        ("7d", "insufficient_history"),
        ("30d", "insufficient_history"),
    ]
    assert cost["ledger_requests"] == 2
    assert cost["cpu_s"] <= 10 * LOADED


def test_baselines_without_history_are_noted_by_the_hundred_and_once(compacted: Account) -> None:
    request = {**YEAR, "start": "2025-08-01", "end": "2025-12-01"}
    with compacted.measured() as cost:
        plan = plan_requested_baselines(compacted.services, request, NOW)
    assert len(plan.insufficient) > 200
    assert cost["ledger_requests"] == 2 + -(-len(plan.insufficient) // 100)
    with compacted.measured() as again:
        assert plan_requested_baselines(compacted.services, request, NOW).insufficient == plan.insufficient
    assert again["ledger_requests"] == 2


def test_completed_baselines_are_marked_stale_by_the_hundred(compacted: Account) -> None:
    series = {"7d": "ndr-prod#v1#fg_b#7d", "30d": "ndr-prod#v1#fg_b#30d"}
    names = [f"{horizon} {format_instant(END - day * DAY)}" for horizon in series for day in range(101)]
    with compacted.services.ledger.batch_writer() as batch:
        for name in names:
            horizon, _, end = name.partition(" ")
            batch.put_item(Item=ledger_item({"series": series[horizon], "as_of": end}, "completed"))
    with compacted.measured() as cost:
        compacted.services.mark_stale(names, series)
    assert cost["ledger_requests"] == 3
