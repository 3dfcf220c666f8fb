"""The retry policies of the steps: retried failures, intervals, limits."""

from __future__ import annotations

from ndr.pipeline.sdk import (
    RetryPolicy,
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)


def step_retry_policies() -> list[RetryPolicy]:
    """Return the retry policies that every step carries.

    Only transient failures are retried. A job that fails in its own code is not: the same input fails the same way.
    A retry is safe because publishing the same request twice has the same result.

    Returns
    -------
    list of RetryPolicy
        Service faults and throttling: five attempts, first after 5 s, interval doubling. An internal error of SageMaker
        (`InternalServerError` in the job's FailureReason), by which an instance is lost: three attempts, first after
        1 min, interval doubling, each from the job's beginning. Missing capacity: for 4 h,
        first after 5 min, interval growing by half, because capacity returns over hours and a late baseline is better
        than none. Account limits: for 2 h, first after 2 min, interval doubling, because most often other jobs of this
        project occupy the instances.
    """
    return [
        StepRetryPolicy(
            exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
            interval_seconds=5,
            backoff_rate=2.0,
            max_attempts=5,
        ),
        SageMakerJobStepRetryPolicy(
            exception_types=[SageMakerJobExceptionTypeEnum.INTERNAL_ERROR],
            interval_seconds=60,
            backoff_rate=2.0,
            max_attempts=3,
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
