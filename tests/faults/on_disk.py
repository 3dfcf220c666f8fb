"""Faults of the machine that a job runs on: killed, disk full, disk broken, clock wrong, two runs at once."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.faults import breakage
from tests.faults.child import start, wait
from tests.faults.jobs import JOBS, Trial, copied, published_in, small_projects
from tests.faults.published import Verdict
from tests.jobs.job_chain import Project

VOLUME = "256m"
BLOCKS = (0, 1, 2, 4, 8, 16, 32, 64)
SIZES = (0, 100, 700, 1500, 3000, 5000, 8000, 12000)
CLOCKS = {"a day ahead": timedelta(days=1), "ten years ahead": timedelta(days=3653), "two days behind": timedelta(-2)}


def trials(
    root: Path, verdict: Verdict, names: Sequence[str] = tuple(JOBS), publisher: Callable[[], None] = lambda: None
) -> list[Trial]:
    """Return a trial of each named job; all of them write to a disk."""
    scratch = root / "scratch"
    scratch.mkdir()
    return [Trial.of(job, scratch, verdict, publisher) for job in small_projects(root) if job.name in names]


def killed_at_each_write(trial: Trial) -> Iterator[str]:
    """SIGKILL before every write, over an old version and where there was none."""
    for first in (False, True):
        for number in range(1, trial.writes + 1):
            what = f"killed before write {number} of {trial.writes}" + (", first version" if first else "")
            ended = trial.run(what, lambda number=number: breakage.at_write(number, breakage.die), first=first)
            assert ended.signal == 9, (trial.job.name, what, ended)
            yield f"kill -9 of {trial.job.name} at a publish step"


def killed_in_the_middle_of_a_put(trial: Trial) -> Iterator[str]:
    """SIGKILL with half of a manifest, or of _SUCCESS, written."""
    for number in (1, 2):
        ended = trial.run(f"killed in put {number}", lambda number=number: breakage.die_in_the_middle_of_put(number))
        assert ended.signal == 9
        yield "kill -9 in the middle of a put"


def broken_disk(trial: Trial) -> Iterator[str]:
    """EIO at every write; the job fails and says so."""
    for number in range(1, trial.writes + 1):
        ended = trial.run(
            f"EIO at write {number}", lambda number=number: breakage.at_write(number, breakage.input_output_error)
        )
        assert ended.error is not None, (trial.job.name, number)
        yield "disk error (EIO)"


def full_disk(trial: Trial) -> Iterator[str]:
    """Files stop growing at a size: Parquet files and manifests break off in their middle."""
    for size in SIZES:
        ended = trial.run(f"disk full after {size} bytes", lambda size=size: breakage.file_limit(size))
        if ended.error is not None:  # the greatest sizes may hold every file of a small job: then nothing was injected
            yield "disk full in a worker"


def full_volume(trial: Trial) -> Iterator[str]:
    """The job's volume is full (ENOSPC) after so many blocks: a small tmpfs, where this process may mount one."""
    volume = trial.scratch / "volume"
    volume.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={VOLUME}", "ndr-faults", str(volume)], capture_output=True, check=False
    )
    if mounted.returncode:
        print(f"not run: a full volume, which needs the right to mount ({mounted.stderr.decode().strip()})")
        return
    try:
        on_volume = replace(trial, scratch=volume)
        for blocks in BLOCKS:
            left = blocks * resource.getpagesize()
            ended = on_volume.run(
                f"volume full after {blocks} blocks", lambda left=left: breakage.fill_volume(volume, left)
            )
            if ended.error is None:  # what is left holds all that this job writes: nothing was injected
                return
            assert "No space left on device" in ended.error, (trial.job.name, blocks, ended)
            yield "disk full for real (ENOSPC on a tmpfs)"
    finally:
        subprocess.run(["umount", str(volume)], check=True)


def wrong_clock(trial: Trial) -> Iterator[str]:
    """The clock is ahead or behind, for all of a run or from its middle on."""
    for name, by in CLOCKS.items():
        ended = trial.run(f"clock {name}", lambda by=by: breakage.clock(by))
        assert ended.error is None, (trial.job.name, ended)
        yield "clock jump"
    ended = trial.run("clock jumps back", lambda: breakage.clock_jumps_back_at(trial.writes - 1, timedelta(days=3)))
    assert ended.error is None, (trial.job.name, ended)
    yield "clock jump"


def two_at_once(trial: Trial, times: int = 2) -> Iterator[str]:
    """Two runs of one partition side by side; either may win, whole."""
    for _ in range(times):
        folder = copied(trial.job, trial.scratch)
        children = [start(lambda folder=folder: trial.job.run(Project(folder))) for _ in range(2)]
        for child in children:
            ended = wait(child)
            assert ended.signal == 0
        found = published_in(folder / trial.job.dataset)
        trial.verdict.after_rerun(f"{trial.job.name}, two at once", found, trial.new)
        shutil.rmtree(folder)
        yield "two runs of one partition at once"


INJECTIONS = {
    "killed": killed_at_each_write,
    "torn": killed_in_the_middle_of_a_put,
    "disk-error": broken_disk,
    "disk-full": full_disk,
    "volume-full": full_volume,
    "clock": wrong_clock,
    "two-at-once": two_at_once,
}
