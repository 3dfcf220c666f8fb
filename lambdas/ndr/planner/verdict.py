"""Whether an execution that built nothing succeeds: a warning, or a failure where its own baseline was not built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ndr.contract.errors import InsufficientHistoryError, PipelineFailedError
from ndr.contract.time import parse_instant
from ndr.planner.plan import Failure, Stretch

NOTHING_BUILT: Final = "NothingBuilt"
"""The warning of an execution that succeeds without having built anything."""
NOT_BUILT: Final = ("insufficient_history", "failed", "abandoned", "unreadable")
"""Statuses of a baseline that nobody has built or builds."""


def failure_of(own: Sequence[str], left: Sequence[Stretch]) -> Failure | None:
    """Return how a REGULAR run fails: where none of its own baselines was built.

    Parameters
    ----------
    own : sequence of str
        The run's own baselines, each named "horizon end"; empty for other modes.
    left : sequence of Stretch
        What was skipped or left unbuilt.
    """
    found = [next((each for each in left if each.status in NOT_BUILT and _holds(each, name)), None) for name in own]
    unbuilt = [each for each in found if each]
    if not own or len(unbuilt) < len(own):
        return None
    is_short = all(each.status == "insufficient_history" for each in unbuilt)
    error = InsufficientHistoryError if is_short else PipelineFailedError
    statuses = ", ".join(f"{name} ({each.status})" for name, each in zip(own, unbuilt, strict=True))
    return Failure(error=error.__name__, message=f"The baselines of this run were not built: {statuses}.")


def warning_of(mode: str, built: int, left: Sequence[Stretch]) -> str | None:
    """Return NOTHING_BUILT where no baseline was built and not all of them are completed. LATE builds none."""
    is_done = bool(left) and all(each.status == "completed" for each in left)
    return None if mode == "LATE" or built or is_done else NOTHING_BUILT


def _holds(stretch: Stretch, name: str) -> bool:
    horizon, _, end = name.partition(" ")
    return stretch.horizon == horizon and parse_instant(stretch.first) <= parse_instant(end) <= parse_instant(
        stretch.last
    )
