"""The jobs of the 15-minute pipeline, in their order, and the pipelines and batch lengths that a stack can choose."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Final

from ndr.contract.jobspecs.item import DELTA_BUILDER, FG_A_BUILDER, FG_C_BUILDER, PAIR_COUNTS_BUILDER, Job

THREE_STEPS: Final = "three-steps"
ONE_STEP: Final = "one-step"
FIFTEEN_MINUTE_PIPELINES: Final = (THREE_STEPS, ONE_STEP)
"""What the template parameter FifteenMinutePipeline can be; the first is its default."""

BATCH_MINUTES: Final = (15, 30, 60)
"""What the template parameter BatchMinutes can be: minutes of a scheduled batch; the first is its default."""

SINGLE_STEP: Final = "FifteenMinuteStep"
SINGLE_STEP_SCRIPT: Final = "run_fifteen_minute_batch.py"


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A job of the 15-minute pipeline.

    Attributes
    ----------
    job : Job
        Its name, as in its JobSpec.
    step, script : str
        Its step in the pipeline of one step a job, and its entry script.
    after : tuple of Job
        The jobs whose output it reads.
    """

    job: Job[Any]
    step: str
    script: str
    after: tuple[Job[Any], ...] = ()


BATCH_JOBS: Final = (
    BatchJob(DELTA_BUILDER, "DeltaBuilderStep", "run_delta_builder.py"),
    BatchJob(FG_A_BUILDER, "FGABuilderStep", "run_fg_a_builder.py", after=(DELTA_BUILDER,)),
    BatchJob(PAIR_COUNTS_BUILDER, "PairCountsBuilderStep", "run_pair_counts_builder.py", after=(DELTA_BUILDER,)),
)
"""Each comes after the jobs that it waits for."""

SCORED_BATCH_JOBS: Final = (
    *BATCH_JOBS,
    BatchJob(FG_C_BUILDER, "FGCCorrBuilderStep", "run_fg_c_builder.py", after=(FG_A_BUILDER, PAIR_COUNTS_BUILDER)),
)
"""The jobs of a project that has a JobSpec of FG-C."""


def batch_jobs(jobspecs: Container[str]) -> tuple[BatchJob, ...]:
    """Return the jobs of the 15-minute pipeline of a project, by the JobSpecs that it has."""
    return SCORED_BATCH_JOBS if FG_C_BUILDER in jobspecs else BATCH_JOBS
