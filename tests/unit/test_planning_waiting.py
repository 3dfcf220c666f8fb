"""A schedule that is enabled before the JobSpecs are put waits; a person who asks too early is told so."""

from __future__ import annotations

from typing import Any

import pytest

from ndr.contract.errors import JobSpecNotFoundError
from ndr.planner.waiting import waiting_plan

ERROR = JobSpecNotFoundError("Table specs holds no JobSpec of project 'ndr', version 'v1'; put the JobSpecs.")


def test_a_schedules_execution_starts_nothing_and_says_what_it_waits_for() -> None:
    plan = waiting_plan({"horizon": "7d", "scheduled_time": "2026-01-01T00:30:00Z"}, ERROR).document()
    assert plan == {
        "dry_run": True,
        "waits_for": "JobSpecs",
        "message": f"The schedule waits for JobSpecs, and nothing was started. {ERROR}",
    }


@pytest.mark.parametrize("request_", [None, {}, {"horizon": "7d"}, {"scheduled_time": None}, "text"])
def test_anyone_else_is_refused(request_: Any) -> None:
    with pytest.raises(JobSpecNotFoundError, match="holds no JobSpec"):
        waiting_plan(request_, ERROR)
