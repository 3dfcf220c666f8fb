"""How much of each UTC day each dataset covers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ndr.contract.compacted import covered_within
from ndr.contract.time import DAY, SLICES_PER_DAY, Interval
from ndr.report.published import Published
from ndr.store.catalog import Piece


@dataclass(frozen=True, slots=True)
class DayCoverage:
    """What answers for a UTC day: the covered share of its slices, in [0, 1], and from how many partitions."""

    day: datetime
    share: float
    partitions: int


@dataclass(frozen=True, slots=True)
class BaselineEnd:
    """A published baseline, by its end; `share`, in [0, 1], is how much of its horizon the features covered."""

    end: datetime
    share: float


def coverage_by_day(published: Published) -> dict[str, list[DayCoverage]]:
    """Return the coverage of each day of the period, by dataset."""
    days = list(published.period.steps(DAY))
    return {name: [_of_day(pieces, day) for day in days] for name, pieces in published.pieces.items()}


def baseline_ends(published: Published) -> dict[str, list[BaselineEnd]]:
    """Return the published baselines by horizon, oldest first."""
    return {
        horizon: [BaselineEnd(each.manifest.end, each.manifest.coverage) for each in partitions]
        for horizon, partitions in published.baselines.items()
    }


def _of_day(pieces: list[Piece], day: Interval) -> DayCoverage:
    cut = [(piece.partition.manifest, part) for piece in pieces if (part := piece.interval.intersection(day))]
    slices = sum(covered_within(manifest, part) for manifest, part in cut)
    return DayCoverage(day.start, min(slices / SLICES_PER_DAY, 1.0), len(cut))
