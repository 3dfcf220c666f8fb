"""What looking for late data costs, at the end of a fortnight of which all days but the last two are compacted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
from tests.planning.account import Account, account, project_prefixes
from tests.planning.bucket import MODIFIED
from tests.planning.history import History

from ndr.contract.errors import InvalidRequestError
from ndr.contract.horizons import HORIZONS
from ndr.contract.ledger import ledger_item, ledger_key
from ndr.contract.time import DAY, SLICE, Interval, format_instant, parse_instant
from ndr.planner.plan import BaselinesPlan
from ndr.planner.requested_baselines import plan_requested_baselines

END: Final = parse_instant("2026-01-31")
NOW: Final = END + timedelta(hours=1)
LATE: Final = {"mode": "LATE"}
WEEK: Final = Interval(NOW - 7 * DAY, END)

LOADED: Final = 4
"""A CPU second does less on a core that other processes share; the benchmark holds the budgets themselves."""


def fortnight(compacted_until: Any = END - 2 * DAY) -> History:
    history = History(Interval(END - 14 * DAY, END), compacted_until, END - 10 * DAY, project_prefixes())
    for horizon in HORIZONS:
        history.put_baselines(horizon, [END - number * DAY for number in range(7)])
    return history


def planned(held: Account) -> tuple[BaselinesPlan, dict[str, float]]:
    for horizon in HORIZONS:
        for number in range(7):
            key = ledger_key("ndr-prod", "v1", "fg_b", horizon, END - number * DAY)
            facts = {"claimed_at": format_instant(END - number * DAY)}
            held.services.ledger.put_item(Item=ledger_item(key, "completed", **facts))
    with held.measured() as cost:
        return plan_requested_baselines(held.services, LATE, NOW), cost


def days_opened(held: Account) -> set[str]:
    return {part for key in held.bucket.opened for part in key.split("/") if part.startswith("dt=")}


def test_nothing_late_costs_little_and_opens_the_days_asked_for() -> None:
    with account(fortnight()) as held:
        plan, cost = planned(held)
        assert plan.message.startswith("Nothing is late: what is published names every file that was delivered. ")
        assert plan.message.endswith(" 2 days are compacted: 2026-01-29 to 2026-01-30.")
        assert (plan.batches, plan.stale) == ([], [])
        assert days_opened(held) == {f"dt=2026-01-{day}" for day in range(24, 31)}
        # Six days are one partition each, two are slices, of three datasets; and fourteen baselines.
        assert held.bucket.requests["get"] == 3 * (5 + 2 * 96) + 14
        assert held.bucket.requests["list"] <= 36
    assert cost["cpu_s"] <= 2 * LOADED


def test_a_week_of_late_folders() -> None:
    history = fortnight()
    history.deliver(WEEK, "part-1.json.gz")
    with account(history) as held:
        plan, cost = planned(held)
        assert plan.message.startswith("668 folders hold files that are not in what is published.")
        assert [(each["BatchStartTsIso"], each["BatchEndTsIso"]) for each in plan.batches] == [
            ("2026-01-24T01:00:00Z", "2026-01-31T00:00:00Z")
        ]
        assert len(plan.stale) == 14
        assert held.bucket.requests["get"] == 3 * (5 + 2 * 96) + 14
        assert cost["ledger_requests"] == 3
    assert cost["cpu_s"] <= 5 * LOADED


def test_every_second_folder_of_a_week_that_was_never_built() -> None:
    history = fortnight(END - 10 * DAY)
    gone = tuple(
        history.folder(dataset, part)
        for dataset in ("deltas", "fg_a", "pair_counts")
        for part in list(WEEK.steps(SLICE))[::2]
    )
    kept = [key for key in history.keys if not key.startswith(gone)]
    assert len(kept) < len(history.keys)
    history.keys[:] = kept
    with account(history) as held:
        plan, cost = planned(held)
    assert plan.message.startswith("334 folders hold files that are not in what is published.")
    assert [(each["BatchStartTsIso"], each["BatchEndTsIso"]) for each in plan.batches] == [
        ("2026-01-24T01:00:00Z", "2026-01-31T00:00:00Z")
    ]
    assert cost["cpu_s"] <= 5 * LOADED


@pytest.mark.parametrize("hours", [2, 0])
def test_slices_that_a_compacted_day_overtook_are_not_opened(hours: int) -> None:
    history = fortnight(END)
    history.keep_slices(Interval(END - 2 * DAY, END - DAY), parse_instant(MODIFIED) - timedelta(hours=hours))
    with account(history) as held:
        planned(held)
        opened = [key for key in held.bucket.opened if "/dt=2026-01-29/" in key]
    assert len(opened) == (3 if hours else 3 * 97)


def test_more_slices_than_a_plan_can_read_are_refused_with_a_start_that_it_can() -> None:
    history = History(Interval(END - 20 * DAY, END), END - 20 * DAY, END - DAY, project_prefixes())
    with account(history) as held:
        asked = {**LATE, "since": format_instant(END - 20 * DAY)}
        with pytest.raises(InvalidRequestError, match='partitions of deltas .* write "since": "2026-01-16", or later'):
            plan_requested_baselines(held.services, asked, NOW)
        assert held.bucket.requests["get"] == 0
