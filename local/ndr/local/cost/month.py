"""What a month of 30 days holds: how often each machine runs, and how long its jobs take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MINI_BATCHES: Final = 30 * 96
NIGHTLY: Final = 29  # the first belongs to the monthly run
WEEKLY: Final = 30 / 7
MONTHLY: Final = 1
LATE: Final = 30  # each day, for what came late
BASELINE_RUNS: Final = NIGHTLY + WEEKLY + MONTHLY

MINI_BATCH_JOBS: Final = ("delta_builder", "fg_a_builder", "pair_counts_builder")

# Until something is measured: seconds of work on ml.m5.xlarge per 1,000 hosts, beside what every job takes to begin.
# A guess on the large side for one slice, or one night.
SECONDS_PER_1000_HOSTS: Final[Mapping[str, float]] = {
    "delta_builder": 5,
    "fg_a_builder": 15,
    "pair_counts_builder": 5,
    "machine_inventory_unload": 10,
    "fg_b_builder": 120,
}
BEGIN_SECONDS: Final = 60.0  # pulling the image, starting Python: billed too
STORED_MB_PER_HOST_DAY: Final = 1.0
REQUESTS: Final = {
    # Per mini batch: files, manifests and markers written; manifests and files of a day of slices read by the windows.
    "mini_batch_puts": 20,
    "mini_batch_gets": 500,
    # Per baseline run: a horizon's manifests and files of features and of pairs (7 days are 672 slices).
    "baseline_puts": 10,
    "baseline_gets": 4 * 672,
}


@dataclass(frozen=True)
class Assumptions:
    """What the estimate is made for.

    Attributes
    ----------
    hosts : int
        Hosts in the traffic.
    instance_type, instance_count
        Of the Processing jobs.
    kept_days : int
        How long published data is kept.
    seconds : mapping of str to float
        Measured seconds of a job by its name; what is absent is assumed.
    """

    hosts: int = 1000
    instance_type: str = "ml.m5.xlarge"
    instance_count: int = 1
    kept_days: int = 365
    seconds: Mapping[str, float] = field(default_factory=dict)

    def job_seconds(self, job: str) -> float:
        """Return the billed seconds of a job on one instance."""
        return BEGIN_SECONDS + self.seconds.get(job, SECONDS_PER_1000_HOSTS[job] * self.hosts / 1000)


def hours(assumed: Assumptions) -> dict[str, float]:
    """Return the instance hours of a month by pipeline."""
    mini_batch = MINI_BATCHES * sum(assumed.job_seconds(job) for job in MINI_BATCH_JOBS)
    by_pipeline = {
        "mini batches": mini_batch,
        "baselines": BASELINE_RUNS * assumed.job_seconds("fg_b_builder"),
        "inventory": MONTHLY * assumed.job_seconds("machine_inventory_unload"),
    }
    return {name: seconds * assumed.instance_count / 3600 for name, seconds in by_pipeline.items()}
