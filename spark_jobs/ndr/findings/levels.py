"""Severity and confidence of a finding, by a rule that is the same for each network."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ndr.contract.time import SLICES_PER_DAY


class Level(IntEnum):
    """A level with its caption; the numbers are those of OCSF."""

    @property
    def caption(self) -> str:
        return self.name.capitalize()


class Severity(Level):
    """How much a finding deserves a look. An anomaly proves nothing, so none is critical."""

    LOW = 2
    MEDIUM = 3
    HIGH = 4


class Confidence(Level):
    """How sure it is that the score is not one of normal days; unknown where no p value says it."""

    UNKNOWN = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


HOST_SEVERITY: Final = ((20.0, Severity.HIGH), (10.0, Severity.MEDIUM))
PAIR_SEVERITY: Final = ((0.9, Severity.HIGH), (0.7, Severity.MEDIUM))
"""From which score on a finding has a severity, the highest first; below all of them it is low."""
CONFIDENCE: Final = ((0.001, Confidence.HIGH), (0.01, Confidence.MEDIUM))
"""Up to which p value of the day a finding has a confidence, the highest first; above all of them it is low."""


def host_severity(score: float) -> Severity:
    """Return the severity of a host's score, in points."""
    return _severity(score, HOST_SEVERITY)


def pair_severity(score: float) -> Severity:
    """Return the severity of a pair's score, a share."""
    return _severity(score, PAIR_SEVERITY)


def _severity(score: float, levels: tuple[tuple[float, Severity], ...]) -> Severity:
    return next((level for least, level in levels if score >= least), Severity.LOW)


def day_p_value(p_value: float) -> float:
    """Return the bound on the p value of a day with so small a p value in one of its windows (Bonferroni)."""
    return min(1.0, SLICES_PER_DAY * p_value)


def confidence(p_value: float | None) -> Confidence:
    """Return the confidence that follows from the p value of a window."""
    if p_value is None:
        return Confidence.UNKNOWN
    of_day = day_p_value(p_value)
    return next((level for most, level in CONFIDENCE if of_day <= most), Confidence.LOW)


def confidence_score(p_value: float | None) -> int | None:
    """Return the confidence in percent, which rounds down; None where it is unknown."""
    return None if p_value is None else int(100 * (1 - day_p_value(p_value)))
