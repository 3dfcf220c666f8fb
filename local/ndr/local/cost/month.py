"""A month of 30 days: the number of executions of each machine, and the durations of its jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MINI_BATCHES: Final = 30 * 96
NIGHTLY: Final = 29  # the first of the month is the monthly run
WEEKLY: Final = 30 / 7
MONTHLY: Final = 1
LATE: Final = 30  # daily, for late events
BASELINE_RUNS: Final = NIGHTLY + WEEKLY + MONTHLY

MINI_BATCH_JOBS: Final = ("delta_builder", "fg_a_builder", "pair_counts_builder")

# Used for jobs that are not measured: seconds of work on ml.m5.xlarge per 1,000 hosts, without start-up.
# A high estimate for one slice, or one night.
SECONDS_PER_1000_HOSTS: Final[Mapping[str, float]] = {
    "delta_builder": 5,
    "fg_a_builder": 15,
    "pair_counts_builder": 5,
    "machine_inventory_unload": 10,
    "fg_b_builder": 120,
}
START_UP_SECONDS: Final = 60.0  # pulling the image and starting Python are billed too
STORED_MB_PER_HOST_DAY: Final = 1.0
REQUESTS: Final = {
    # Per mini-batch: files, manifests and markers written; manifests and files of a day of slices read.
    "mini_batch_puts": 20,
    "mini_batch_gets": 500,
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
        Measured seconds by job name. Other jobs use the default estimate.
    """

    hosts: int = 1000
    instance_type: str = "ml.m5.xlarge"
    instance_count: int = 1
    kept_days: int = 365
    seconds: Mapping[str, float] = field(default_factory=dict)

    def job_seconds(self, job: str) -> float:
        """Return the billed seconds of a job on one instance."""
        return START_UP_SECONDS + self.seconds.get(job, SECONDS_PER_1000_HOSTS[job] * self.hosts / 1000)


def hours(assumed: Assumptions) -> dict[str, float]:
    """Return the instance hours of a month by pipeline."""
    mini_batch = MINI_BATCHES * sum(assumed.job_seconds(job) for job in MINI_BATCH_JOBS)
    by_pipeline = {
        "mini batches": mini_batch,
        "baselines": BASELINE_RUNS * assumed.job_seconds("fg_b_builder"),
        "inventory": MONTHLY * assumed.job_seconds("machine_inventory_unload"),
    }
    return {name: seconds * assumed.instance_count / 3600 for name, seconds in by_pipeline.items()}
