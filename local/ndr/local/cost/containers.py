"""How the jobs of a batch are spread over containers: which start-ups it waits for, and which are billed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ndr.contract.fifteen_minutes import BATCH_JOBS, ONE_STEP, SCORED_BATCH_JOBS
from ndr.local.cost.batch_work import Work


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


def containers(pipeline: str, has_scores: bool) -> Containers:
    """Return the containers of a batch.

    Parameters
    ----------
    pipeline : str
        One of FIFTEEN_MINUTE_PIPELINES.
    has_scores : bool
        Whether the project has FG-C, so that its job runs after the others.
    """
    jobs = SCORED_BATCH_JOBS if has_scores else BATCH_JOBS
    names = tuple(str(each.job) for each in jobs)
    if pipeline == ONE_STEP:
        return Containers((names,), {})
    return Containers(
        jobs=tuple((name,) for name in names),
        after={place: tuple(names.index(job) for job in each.after) for place, each in enumerate(jobs)},
    )
