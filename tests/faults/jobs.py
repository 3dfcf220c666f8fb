"""The jobs that write to a disk, each on a small project with an old version published and a new one to build."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.breakage import at_write
from tests.faults.child import Ended, in_child
from tests.faults.published import Verdict, versions
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.time import DAY, Interval, parse_instant
from ndr.jobs.fg_b.targets import Target

WEEK = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-05") + 7 * DAY)
LAST_DAY = Interval(WEEK.end - DAY, WEEK.end)
TARGETS = [Target(WEEK.end - DAY, "7d"), Target(WEEK.end, "7d")]
FLOWS_A_DAY = 30


@dataclass(frozen=True)
class Job:
    """A job: its name, where it publishes, what runs it; the folder with its inputs new and its outputs old."""

    name: str
    dataset: str
    run: Callable[[Project], object]
    before: Path

    def old(self) -> dict[str, str]:
        return published_in(self.before / self.dataset)


JOBS: dict[str, tuple[str, Callable[[Project], object]]] = {
    "delta_builder": ("deltas", lambda project: project.deltas(LAST_DAY)),
    "fg_a_builder": ("fg_a", lambda project: project.fg_a(LAST_DAY)),
    "pair_counts_builder": ("pair_counts", lambda project: project.pair_counts(LAST_DAY)),
    "fg_b_builder": ("fg_b", lambda project: project.baselines(TARGETS)),
    "fg_c_builder": ("fg_c", lambda project: project.fg_c(LAST_DAY)),
}


def small_projects(root: Path) -> list[Job]:
    """Build, below `root`, the folder that each job starts from."""
    base = root / "all_old"
    _done(in_child(lambda: _old(Project(base))))
    jobs = []
    upstream: list[str] = []
    for name, (dataset, run) in JOBS.items():
        before = root / name
        shutil.copytree(base, before)
        _done(in_child(lambda folder=before, done=tuple(upstream): _renewed(Project(folder), done)))
        jobs.append(Job(name, dataset, run, before))
        upstream.append(name)
    return jobs


def _old(project: Project) -> None:
    for number, day in enumerate(WEEK.steps(DAY)):
        project.deliver(day, random_flows(day, FLOWS_A_DAY, seed=number))
    project.fifteen_minute_steps(WEEK)
    project.inventory("2026-01", {"10.0.0.2": "srv-2", "10.0.1.3": "VDI-3"})
    project.baselines(TARGETS)
    project.fg_c(LAST_DAY)


def _renewed(project: Project, upstream: tuple[str, ...]) -> None:
    project.deliver(LAST_DAY, random_flows(LAST_DAY, 2 * FLOWS_A_DAY, seed=99))
    for name in upstream:
        JOBS[name][1](project)


@dataclass(frozen=True)
class Trial:
    """One job under faults: the versions before and without faults, and where verdicts go."""

    job: Job
    scratch: Path
    verdict: Verdict
    old: dict[str, str]
    new: dict[str, str]
    writes: int
    publisher: Callable[[], None]

    @classmethod
    def of(cls, job: Job, scratch: Path, verdict: Verdict, publisher: Callable[[], None] = lambda: None) -> Trial:
        """Run the job once without faults, to know what it publishes and in how many writes.

        `publisher` is called in every process before the job: a test replaces the publisher there.
        """
        folder = copied(job, scratch)

        def run() -> int:
            publisher()
            writes = at_write(0, lambda: None)
            job.run(Project(folder))
            return writes()

        writes = _done(in_child(run)).value
        old, new = job.old(), published_in(folder / job.dataset)
        assert old.keys() == new.keys()
        assert old != new, f"{job.name} publishes what was published before: nothing could be seen of a mix"
        return cls(job, scratch, verdict, old, new, writes, publisher)

    def run(self, what: str, break_it: Callable[[], object], *, first: bool = False) -> Ended:
        """Run the job with a fault, look at what a reader finds, run it again without, and look again.

        `first` starts from a folder in which the job has published nothing.
        """
        folder, name = copied(self.job, self.scratch), f"{self.job.name}, {what}"
        if first:
            shutil.rmtree(folder / self.job.dataset)

        def broken() -> None:
            self.publisher()
            break_it()
            self.job.run(Project(folder))

        ended = in_child(broken)
        old = {} if first else self.old
        self.verdict.after_fault(name, published_in(folder / self.job.dataset), old, self.new)
        again = in_child(lambda: self.job.run(Project(folder)))
        if again.error:
            self.verdict.lost.append(f"{name}: a further run fails: {again.error}")
        rebuilt = {partition: version for partition, version in self.new.items() if version != self.old[partition]}
        self.verdict.after_rerun(name, published_in(folder / self.job.dataset), rebuilt if first else self.new)
        return ended


def copied(job: Job, scratch: Path) -> Path:
    folder = scratch / "ndr-test"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(job.before, folder)
    return folder


def published_in(prefix: Path) -> dict[str, str]:
    return _done(in_child(lambda: versions(prefix))).value  # type: ignore[no-any-return]


def _done(ended: Ended) -> Ended:
    assert ended == Ended(0, None, ended.value), ended
    return ended
