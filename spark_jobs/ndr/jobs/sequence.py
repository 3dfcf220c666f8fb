"""Jobs one after the other in one container, by the same rule as steps of a pipeline.

Each job is a process of its own, started from the entry script that its own step would run. So it has the same log,
metrics and leases, its memory is free when it ends, and a job that is killed does not end the ones after it.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ndr.contract.errors import JobSpecInvalidError, JobSpecNotFoundError
from ndr.contract.fifteen_minutes import BATCH_JOBS, SCORED_BATCH_JOBS, BatchJob
from ndr.contract.jobspecs import FG_C_BUILDER
from ndr.contract.time import DAY
from ndr.jobs.entry import MESSAGE_LIMIT, message_file, report_failure
from ndr.jobs.run import Run, job_logger
from ndr.spark.cluster import CONNECT_SECONDS_VARIABLE
from ndr.spark.coordinator import PORT, PORT_VARIABLE

SERVICE: Final = "fifteen_minute_batch"

Runner = Callable[[BatchJob], str | None]
"""Runs a job to its end; returns why it failed, or None."""


def project_jobs(arguments: Sequence[str]) -> tuple[BatchJob, ...]:
    """Return the jobs of the project that the arguments name: with FG-C where it has that JobSpec."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--project-name", "--feature-spec-version"):
        parser.add_argument(name, required=True)
    asked, _ = parser.parse_known_args(arguments)
    run = Run.in_environment(SERVICE, asked.project_name, asked.feature_spec_version)
    try:
        run.spec(FG_C_BUILDER)
    except JobSpecNotFoundError:
        return BATCH_JOBS
    except JobSpecInvalidError:
        pass  # the job itself says what is wrong
    return SCORED_BATCH_JOBS


def run_in_sequence(jobs: Iterable[BatchJob], run: Runner) -> dict[str, str]:
    """Run each job unless one that it waits for failed or was left out.

    Returns
    -------
    dict of str to str
        Why each job failed, by its name. A job that was left out is not among them.
    """
    failures: dict[str, str] = {}
    without_output: set[str] = set()
    for each in jobs:
        lacking = [str(job) for job in each.after if job in without_output]
        if lacking:
            job_logger(SERVICE).warning("left out", extra={"job": each.job, "because_of": lacking})
            without_output.add(each.job)
        elif reason := run(each):
            failures[each.job] = reason
            without_output.add(each.job)
    return failures


def exit_code(failures: Mapping[str, str]) -> int:
    """Report the failures to SageMaker, a part of the message for each, and return the exit code of the container."""
    if not failures:
        return 0
    room = MESSAGE_LIMIT // len(failures)
    report_failure(" ".join(f"{job}: {reason}"[: room - 1] for job, reason in failures.items()))
    return 1


@dataclass(frozen=True)
class ScriptProcess:
    """Runs a job's entry script as a process.

    Parameters
    ----------
    folder : Path
        The folder of the entry scripts.
    arguments : sequence of str
        The command line, the same for each.
    """

    folder: Path
    arguments: Sequence[str]

    def __call__(self, job: BatchJob) -> str | None:
        """Run the job; when this process is asked to stop, the job is stopped with it."""
        message_file().unlink(missing_ok=True)
        place = SCORED_BATCH_JOBS.index(job)
        meeting = {PORT_VARIABLE: str(PORT + place)}
        if place:  # on another instance it waits for the jobs before it, which may run on the first one alone
            meeting[CONNECT_SECONDS_VARIABLE] = str(DAY.total_seconds())
        command = [sys.executable, str(self.folder / job.script), *self.arguments]
        before = signal.signal(signal.SIGTERM, _exit)
        try:
            code = subprocess.run(command, env=os.environ | meeting, check=False).returncode
        finally:
            signal.signal(signal.SIGTERM, before)
        if code == 0:
            return None
        if code < 0:
            return f"ended by {signal.Signals(-code).name}, which is most often for lack of memory"
        return message_file().read_text() if message_file().exists() else f"exit code {code}; its log has the reason"


def _exit(number: int, _frame: object) -> None:
    """End this process; `subprocess.run` then kills the job."""
    sys.exit(128 + number)
