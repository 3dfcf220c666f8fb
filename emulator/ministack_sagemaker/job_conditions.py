"""Conditions that jobs of an account meet: start-up times, lack of capacity, failures. Each is drawn from a seed.

Draws depend on the seed, the job's command and how often it was started, and on nothing else: not on which jobs run at
the same time, nor on the machine. What was injected is counted in the account's `faults.log`.
"""

from __future__ import annotations

import json
import os
import random
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from ministack_sagemaker import clock, directories
from ministack_sagemaker.faults import record
from ministack_sagemaker.sagemaker_pipelines.job_failure import CAPACITY_ERROR, JobFailedError

SERVICE: Final = "processing-job"
STARTUP_VARIABLE: Final = "JOB_STARTUP_SECONDS"
"""Environment variable of the server: the start-up time of jobs while no other conditions are put."""
_FILE: Final = "job_conditions.json"

Failure = Literal["at its start", "in between", "after its work"]


@dataclass(frozen=True)
class JobConditions:
    """What jobs meet.

    Attributes
    ----------
    seed
        Seed of every draw.
    startup_seconds
        Least and greatest time from a job's creation until its command starts.
    failing
        Share of jobs that fail, in [0, 1]: a third each at its start, in between, and after its work.
    without_capacity
        Share of jobs that find no capacity, in [0, 1].
    shortage_seconds
        Least and greatest time for which such a job goes on finding none.
    """

    seed: int = 0
    startup_seconds: tuple[float, float] = (0.0, 0.0)
    failing: float = 0.0
    without_capacity: float = 0.0
    shortage_seconds: tuple[float, float] = (3_600.0, 14_400.0)

    def put(self, directory: Path) -> None:
        """Let the jobs that start from now on in the account of a directory meet them."""
        path = directory / "state" / _FILE
        path.with_suffix(".new").write_text(json.dumps(asdict(self)))
        path.with_suffix(".new").rename(path)


@dataclass(frozen=True)
class Start:
    """One start of a job: what it meets."""

    startup_seconds: float
    failure: Failure | None
    fails_after_seconds: float


_starts: Counter[str] = Counter()
_shortages: dict[str, datetime] = {}
_drawing = threading.Lock()


def start_of(command: Sequence[str]) -> Start:
    """Draw what a job meets.

    Raises
    ------
    JobFailedError
        There is no capacity for it.
    """
    conditions = _conditions()
    if conditions is None:
        return Start(float(os.environ.get(STARTUP_VARIABLE, "0")), None, 0.0)
    name = " ".join(command)
    with _drawing:
        _starts[name] += 1
        draw = random.Random(f"{conditions.seed} {_starts[name]} {name}")  # noqa: S311
        startup = draw.uniform(*conditions.startup_seconds)
        is_short, shortage = draw.random() < conditions.without_capacity, draw.uniform(*conditions.shortage_seconds)
        fails, how, after = draw.random() < conditions.failing, draw.randrange(3), draw.uniform(0.02, 0.5)
        _check_capacity(name, command, shortage if is_short else 0.0)
    kinds: tuple[Failure, ...] = ("at its start", "in between", "after its work")
    return Start(startup, kinds[how] if fails else None, after)


def injected_failure(command: Sequence[str], failure: Failure) -> JobFailedError:
    """Count a failure, and return it."""
    record(SERVICE, _script(command), failure.replace(" ", "-"))
    return JobFailedError(f"AlgorithmError: The job was made to fail {failure}, exit code: 1")


def _check_capacity(name: str, command: Sequence[str], shortage_seconds: float) -> None:
    if name in _shortages:
        if clock.now() < _shortages[name]:
            raise _no_capacity()
        del _shortages[name]
    elif shortage_seconds:
        _shortages[name] = clock.now() + timedelta(seconds=shortage_seconds)
        record(SERVICE, _script(command), "no-capacity")
        raise _no_capacity()


def _no_capacity() -> JobFailedError:
    return JobFailedError(
        "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance "
        "type or after some time.",
        CAPACITY_ERROR,
    )


def _conditions() -> JobConditions | None:
    path = directories.state() / _FILE
    if not path.exists():
        return None
    document: dict[str, Any] = json.loads(path.read_text())
    return JobConditions(**document)


def _script(command: Sequence[str]) -> str:
    return Path(next((word for word in command if word.endswith(".py")), command[0])).name
