"""Which executions that built nothing fail, and which succeed with a warning."""

from __future__ import annotations

import pytest

from ndr.planner.plan import Stretch
from ndr.planner.verdict import NOTHING_BUILT, failure_of, warning_of

OWN = ["7d 2026-02-01T00:00:00Z", "30d 2026-02-01T00:00:00Z"]


def left(horizon: str, status: str, day: str = "2026-02-01", last: str | None = None) -> Stretch:
    first, end = f"{day}T00:00:00Z", f"{last or day}T00:00:00Z"
    return Stretch(horizon=horizon, status=status, first=first, last=end, count=1)


@pytest.mark.parametrize(
    ("statuses", "error"),
    [
        (("insufficient_history", "insufficient_history"), "InsufficientHistoryError"),
        (("insufficient_history", "failed"), "PipelineFailedError"),
        (("abandoned", "unreadable"), "PipelineFailedError"),
    ],
)
def test_a_regular_run_without_any_of_its_own_baselines_fails(statuses: tuple[str, str], error: str) -> None:
    stretches = [left(horizon, status) for horizon, status in zip(("7d", "30d"), statuses, strict=True)]
    failure = failure_of(OWN, stretches)
    assert failure is not None
    assert failure.error == error
    assert f"7d 2026-02-01T00:00:00Z ({statuses[0]}), 30d" in failure.message


def test_it_does_not_fail_when_one_of_them_is_built_or_another_execution_builds_it() -> None:
    assert failure_of(OWN, [left("30d", "insufficient_history")]) is None
    assert failure_of(OWN, [left("7d", "in_progress"), left("30d", "insufficient_history")]) is None
    assert failure_of(OWN, [left("7d", "completed"), left("30d", "completed")]) is None


def test_a_stretch_of_other_days_or_of_another_horizon_does_not_count() -> None:
    own = OWN[:1]
    assert failure_of(own, [left("7d", "failed", "2026-01-01", "2026-01-31"), left("30d", "failed")]) is None
    assert failure_of(own, [left("7d", "failed", "2026-01-01", "2026-02-01")]) is not None


def test_a_backfill_has_no_baseline_of_its_own() -> None:
    assert failure_of([], [left("7d", "failed")]) is None


@pytest.mark.parametrize(
    ("mode", "built", "statuses", "warning"),
    [
        ("BACKFILL", 0, ["insufficient_history"], NOTHING_BUILT),
        ("BACKFILL", 0, ["completed", "insufficient_history"], NOTHING_BUILT),
        ("BACKFILL", 0, ["in_progress"], NOTHING_BUILT),
        ("BACKFILL", 0, [], NOTHING_BUILT),
        ("BACKFILL", 0, ["completed"], None),
        ("BACKFILL", 1, ["failed"], None),
        ("REGULAR", 0, ["in_progress"], NOTHING_BUILT),
        ("LATE", 0, [], None),
    ],
)
def test_nothing_built_is_a_warning_unless_all_is_completed(
    mode: str, built: int, statuses: list[str], warning: str | None
) -> None:
    assert warning_of(mode, built, [left("7d", status) for status in statuses]) == warning
