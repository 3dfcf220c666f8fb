"""How the jobs of a batch are spread over containers: which start-ups it waits for, and which are billed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ndr.contract.fifteen_minutes import BATCH_JOBS, ONE_STEP, THREE_STEPS
from ndr.local.cost.batch_work import Work

IN_A_ROW: Final = "three steps in a row"
"""How the three steps ran before pair counts were beside FG-A; kept for comparison."""


@dataclass(frozen=True, slots=True)
class Containers:
    """The containers of a pipeline.

    Attributes
    ----------
    jobs : tuple of tuple of str
        The jobs of each container, which run one after the other.
    after : mapping of int to tuple of int
        The containers that each one waits for, by their places. Those come before it.
    """

    jobs: tuple[tuple[str, ...], ...]
    after: Mapping[int, tuple[int, ...]]

    def billed_seconds(self, work: Work, start_up: float) -> float:
        """Return the seconds of all containers."""
        return sum(self._of(place, work, start_up) for place in range(len(self.jobs)))

    def seconds(self, work: Work, start_up: float) -> float:
        """Return the seconds from the first container's creation to the last one's end."""
        ends: list[float] = []
        for place in range(len(self.jobs)):
            begin = max((ends[earlier] for earlier in self.after.get(place, ())), default=0.0)
            ends.append(begin + self._of(place, work, start_up))
        return max(ends)

    def _of(self, place: int, work: Work, start_up: float) -> float:
        return start_up + sum(work[job] for job in self.jobs[place])


def _places(*jobs: str) -> tuple[int, ...]:
    return tuple(place for place, each in enumerate(BATCH_JOBS) if each.job in jobs)


_NAMES: Final = tuple(str(each.job) for each in BATCH_JOBS)
_EACH: Final = tuple((name,) for name in _NAMES)

CONTAINERS: Final[Mapping[str, Containers]] = {
    IN_A_ROW: Containers(_EACH, {place: (place - 1,) for place in range(1, len(_EACH))}),
    THREE_STEPS: Containers(_EACH, {place: _places(*each.after) for place, each in enumerate(BATCH_JOBS)}),
    ONE_STEP: Containers((_NAMES,), {}),
}
