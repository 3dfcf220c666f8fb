"""A month of 30 days: the number of executions of each machine, and the assumptions of an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ndr.contract.fifteen_minutes import BATCH_MINUTES, FIFTEEN_MINUTE_PIPELINES
from ndr.contract.time import DAY, SLICE
from ndr.local.cost.batch_work import FLOWS_PER_HOST_DAY, Work, batch_work
from ndr.local.cost.containers import Containers, containers

DAYS: Final = 30
NIGHTLY: Final = 29  # the first of the month is the monthly run
WEEKLY: Final = DAYS / 7
MONTHLY: Final = 1
LATE: Final = DAYS  # daily, for late events; each compacts the day before
BASELINE_RUNS: Final = NIGHTLY + WEEKLY + MONTHLY

# Used for jobs that are not measured: seconds of work on ml.m5.xlarge per 1,000 hosts, without start-up.
# A high estimate for one night.
SECONDS_PER_1000_HOSTS: Final[Mapping[str, float]] = {
    "machine_inventory_unload": 10,
    "fg_b_builder": 120,
    "compaction": 60,
    "report": 60,
}
DAILY_JOBS: Final = ("compaction", "report")
"""The jobs of the pipeline that runs each day after LATE, each in a container of its own."""
START_UP_SECONDS: Final = (180.0, 480.0)
"""From the creation of a Processing job until its script runs: the least and the greatest that is usual."""
WAITS_OF_A_BATCH: Final = 2
"""Waits of the execution that a file starts: until the batch is over, and until no file came for a while."""
FILES_A_SLICE: Final = 10
STORED_MB_PER_HOST_DAY: Final = 1.0
REQUESTS: Final = {
    # Per mini-batch: files, manifests and markers written; manifests and files of a day of slices read.
    "mini_batch_puts": 20,
    "mini_batch_gets": 500,
    # Of FG-C: its three tables written; pair counts of a day of slices, features and baselines read.
    "scores_puts": 8,
    "scores_gets": 250,
    # Per baseline run: manifests and files of features and of pairs over a horizon (7 days are 672 slices).
    "baseline_puts": 10,
    "baseline_gets": 4 * 672,
}


@dataclass(frozen=True)
class Assumptions:
    """The assumptions of an estimate.

    Attributes
    ----------
    hosts : int
        Hosts in the traffic.
    instance_type, instance_count
        Type and number of instances of the Processing jobs.
    kept_days : int
        Days for which published data is kept.
    seconds : mapping of str to float
        Measured seconds of jobs other than those of a batch, by name. Others use the default estimate.
    flows_per_day : float, optional
        Flows of a day, measured. Without them, FLOWS_PER_HOST_DAY of each host.
    start_up_seconds : float
        Time from the creation of a Processing job until its script runs. It is taken as billed.
    pipeline : str
        One of FIFTEEN_MINUTE_PIPELINES: how the jobs of a batch are spread over containers.
    batch_minutes : int
        Length of a scheduled batch.
    has_scores : bool
        Whether the project has FG-C.
    on_arrival : bool
        Whether files that arrive start their batch.
    files_a_slice : int
        Files that are delivered in 15 minutes. With `on_arrival` each starts an execution.
    """

    hosts: int = 1000
    instance_type: str = "ml.m5.xlarge"
    instance_count: int = 1
    kept_days: int = 365
    seconds: Mapping[str, float] = field(default_factory=dict)
    flows_per_day: float | None = None
    start_up_seconds: float = sum(START_UP_SECONDS) / 2
    pipeline: str = FIFTEEN_MINUTE_PIPELINES[0]
    batch_minutes: int = BATCH_MINUTES[0]
    has_scores: bool = True
    on_arrival: bool = False
    files_a_slice: int = FILES_A_SLICE

    @property
    def containers(self) -> Containers:
        return containers(self.pipeline, self.has_scores)

    @property
    def mini_batches(self) -> int:
        """The scheduled batches of a month."""
        return DAYS * 24 * 60 // self.batch_minutes

    @property
    def arrivals(self) -> int:
        """The files of a month that start an execution each."""
        return DAYS * int(DAY / SLICE) * self.files_a_slice if self.on_arrival else 0

    @property
    def idle_starts(self) -> int:
        """The executions of `mini_batch` that build nothing: of a batch's files all but one, and its schedule's."""
        return max(0, self.arrivals - self.mini_batches) + self.mini_batches if self.on_arrival else 0

    @property
    def waits(self) -> int:
        """The waits for further files in a month."""
        return self.mini_batches * WAITS_OF_A_BATCH if self.on_arrival else 0

    @property
    def flows_a_day(self) -> float:
        """The flows of a day, measured or assumed."""
        return self.hosts * FLOWS_PER_HOST_DAY if self.flows_per_day is None else self.flows_per_day

    @property
    def work(self) -> Work:
        """The seconds of work of each job of a batch."""
        flows = self.flows_a_day * self.batch_minutes / (24 * 60)
        return {job: seconds for job, seconds in batch_work(self.hosts, flows).items() if job in self.job_names}

    @property
    def job_names(self) -> set[str]:
        """The jobs of a batch."""
        return {job for each in self.containers.jobs for job in each}

    @property
    def batch_seconds(self) -> float:
        """The time of a batch, from the start of its pipeline until its last job has ended."""
        return self.containers.seconds(self.work, self.start_up_seconds)

    def job_seconds(self, job: str) -> float:
        """Return the billed seconds, on one instance, of a job that is not one of a batch."""
        return self.start_up_seconds + self.seconds.get(job, SECONDS_PER_1000_HOSTS[job] * self.hosts / 1000)


def hours(assumed: Assumptions) -> dict[str, float]:
    """Return the instance hours of a month by pipeline."""
    mini_batch = assumed.containers.billed_seconds(assumed.work, assumed.start_up_seconds)
    by_pipeline = {
        "mini batches": assumed.mini_batches * mini_batch,
        "baselines": BASELINE_RUNS * assumed.job_seconds("fg_b_builder"),
        "inventory": MONTHLY * assumed.job_seconds("machine_inventory_unload"),
        **{job: LATE * assumed.job_seconds(job) for job in DAILY_JOBS},
    }
    return {name: seconds * assumed.instance_count / 3600 for name, seconds in by_pipeline.items()}
