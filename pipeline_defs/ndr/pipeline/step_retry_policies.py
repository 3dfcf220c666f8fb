"""Which step failures SageMaker Pipelines tries again by itself, how often, and when it gives up."""

from __future__ import annotations

from ndr.pipeline.sagemaker_sdk import (
    RetryPolicy,
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)


def step_retry_policies() -> list[RetryPolicy]:
    """Return the retry policies that every step carries.

    Only what can pass by itself is tried again; a job that fails in our own code is not, the same input would fail the
    same way. A step's jobs may run again because publishing the same request twice publishes the same thing.

    Returns
    -------
    list of RetryPolicy
        Service faults and throttling: five attempts from 5 s on, doubling. No capacity: from 5 min on, growing by half,
        for 4 h, since instances come free over hours and a late baseline is better than none. An account limit:
        from 2 min on, doubling, for 2 h, since it is most often our own other jobs that hold the instances.
    """
    return [
        StepRetryPolicy(
            exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
            interval_seconds=5,
            backoff_rate=2.0,
            max_attempts=5,
        ),
        SageMakerJobStepRetryPolicy(
            exception_types=[SageMakerJobExceptionTypeEnum.CAPACITY_ERROR],
            interval_seconds=300,
            backoff_rate=1.5,
            expire_after_mins=240,
        ),
        SageMakerJobStepRetryPolicy(
            exception_types=[SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT],
            interval_seconds=120,
            backoff_rate=2.0,
            expire_after_mins=120,
        ),
    ]
