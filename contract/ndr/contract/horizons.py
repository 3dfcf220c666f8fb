"""Horizons: how far baselines look back. The one table; whatever accepts or lists horizons follows from it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

Cadence = Literal["daily", "weekly"]


@dataclass(frozen=True, slots=True)
class Horizon:
    """A horizon: its label, its length, and, unless the JobSpec says otherwise, how often its baselines are built and
    how many days before their end they stop."""

    label: str
    length: timedelta
    cadence: Cadence
    safety_gap: int


TABLE: Final = (
    Horizon("7d", timedelta(days=7), "daily", safety_gap=1),
    Horizon("30d", timedelta(days=30), "weekly", safety_gap=2),
)

LONGEST_SAFETY_GAP: Final = timedelta(days=30)
"""The most that a JobSpec may set."""

HORIZONS: Final[dict[str, timedelta]] = {horizon.label: horizon.length for horizon in TABLE}
"""Label to length, in the table's order."""

ALL_HORIZONS: Final = "both"
"""The word for every horizon of the table."""

HORIZON_CHOICES: Final = (*HORIZONS, ALL_HORIZONS)
"""What a request, a pipeline parameter and the command line accept."""


def choices_sentence() -> str:
    """Return the choices for a sentence: `7d, 30d or both`."""
    return f"{', '.join(HORIZONS)} or {ALL_HORIZONS}"


def labels_of(choice: str) -> tuple[str, ...]:
    """Return the labels that a choice stands for; none where it is not one of HORIZON_CHOICES."""
    if choice == ALL_HORIZONS:
        return tuple(HORIZONS)
    return (choice,) if choice in HORIZONS else ()


def choice_of(labels: Collection[str]) -> str | None:
    """Return the one word for a set of labels, or None where no word names exactly that set."""
    if len(labels) == 1:
        return next(iter(labels))
    return ALL_HORIZONS if set(labels) == set(HORIZONS) else None
