"""Retry policies of a step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ministack_sagemaker import clock
from ministack_sagemaker.sagemaker_pipelines.job_failure import SERVICE_FAULT, THROTTLING, JobFailedError

# The default of SageMaker for a step without a policy for these two types.
_DEFAULT_POLICY = {
    "ExceptionType": [SERVICE_FAULT, THROTTLING],
    "IntervalSeconds": 1,
    "BackoffRate": 2.0,
    "MaxAttempts": 3,
}


@dataclass
class RetryBudget:
    """The remaining retries of a step.

    Attributes
    ----------
    policies
        The step's `RetryPolicies`.
    """

    policies: list[dict[str, Any]]

    def __post_init__(self) -> None:
        self._used = [0] * (len(self.policies) + 1)
        self._first_failure: datetime | None = None

    def wait_seconds(self, failure: JobFailedError) -> float | None:
        """Count the next attempt and return the seconds until it; None if there is none.

        Parameters
        ----------
        failure
            Why the last attempt failed. The first policy that names its exception type decides.
        """
        if self._first_failure is None:
            self._first_failure = clock.now()
        for index, policy in enumerate([*self.policies, _DEFAULT_POLICY]):
            if failure.exception_type in policy["ExceptionType"]:
                return self._next_wait(index, policy)
        return None

    def _next_wait(self, index: int, policy: dict[str, Any]) -> float | None:
        used = self._used[index]
        if used >= policy.get("MaxAttempts", float("inf")):
            return None
        assert self._first_failure is not None
        expires = policy.get("ExpireAfterMin")
        if expires is not None and clock.now() - self._first_failure > timedelta(minutes=expires):
            return None
        self._used[index] = used + 1
        return float(policy.get("IntervalSeconds", 1) * policy.get("BackoffRate", 2.0) ** used)
