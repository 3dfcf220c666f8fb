"""One step of one pipeline execution: its processing job, with retries by its policies."""

from __future__ import annotations

import functools
import secrets
import string
import threading
from datetime import datetime
from typing import Any

import botocore.session

from ministack_sagemaker import clock
from ministack_sagemaker.acting_role import NotAllowedError, require
from ministack_sagemaker.constraints import violations
from ministack_sagemaker.sagemaker_pipelines.job_failure import JobFailedError
from ministack_sagemaker.sagemaker_pipelines.processing_job import ProcessingJob
from ministack_sagemaker.sagemaker_pipelines.retry_policy import RetryBudget
from ministack_sagemaker.scope import Scope

_SUFFIX_ALPHABET = string.ascii_letters + string.digits
_JOB_NAME_LIMIT = 63


@functools.cache
def _shape_of_a_request() -> Any:
    model = botocore.session.get_session().get_service_model("sagemaker")
    return model.operation_model("CreateProcessingJob").input_shape


class StepExecution:
    """A step being executed.

    Parameters
    ----------
    scope
        The account and region.
    name
        The step's name.
    execution_id
        Part of its jobs' names.
    retry_policies
        `RetryPolicies` of the step.
    """

    def __init__(self, scope: Scope, name: str, execution_id: str, retry_policies: list[dict[str, Any]]) -> None:
        self._scope = scope
        self.name = name
        self._execution_id = execution_id
        self._retries = RetryBudget(retry_policies)
        self.status = "Starting"
        self.started = clock.now()
        self._ended: datetime | None = None
        self._failure_reason: str | None = None
        self._attempts = 0
        self._stopping = threading.Event()
        self.job: ProcessingJob | None = None

    def new_job_name(self) -> str:
        """Return a name for the next job: `pipelines-<execution>-<step>-<10 random characters>`."""
        suffix = "".join(secrets.choice(_SUFFIX_ALPHABET) for _ in range(10))
        return f"pipelines-{self._execution_id}-{self.name}"[: _JOB_NAME_LIMIT - 11] + f"-{suffix}"

    def run(self, arguments: dict[str, Any], role_arn: str, record_job: Any) -> None:
        """Run the step to its end and set its status.

        Parameters
        ----------
        arguments
            The step's `Arguments`, without expressions.
        role_arn
            The role of jobs that name none.
        record_job
            Called with every job before it runs.
        """
        self.status = "Executing"
        try:
            while not self._stopping.is_set():
                self._attempts += 1
                try:
                    self._attempt({"RoleArn": role_arn, **arguments}, role_arn, record_job)
                    break
                except JobFailedError as failure:
                    wait = None if self._stopping.is_set() else self._retries.wait_seconds(failure)
                    if wait is None:
                        raise
                    clock.sleep(wait, self._stopping)
            self.status = "Stopped" if self._stopping.is_set() else "Succeeded"
        except JobFailedError as failure:
            self.fail(failure.reason)
        finally:
            self._ended = self._ended or clock.now()

    def fail(self, reason: str) -> None:
        """End the step as failed."""
        self.status = "Failed"
        self._failure_reason = reason
        self._ended = clock.now()

    def stop(self) -> None:
        """Stop the running job and start no other."""
        self._stopping.set()
        clock.interrupt()
        if self.job is not None:
            self.job.stop()

    def describe(self) -> dict[str, Any]:
        """Return the step as ListPipelineExecutionSteps shows it."""
        stopping = self._stopping.is_set() and self.status in ("Starting", "Executing")
        return {
            "StepName": self.name,
            "StepStatus": "Stopping" if stopping else self.status,
            "StartTime": self.started,
            "EndTime": self._ended,
            "AttemptCount": self._attempts,
            "FailureReason": self._failure_reason,
            "Metadata": {"ProcessingJob": {"Arn": self.job.arn}} if self.job else {},
        }

    def _check_role(self, request: dict[str, Any], role_arn: str) -> None:
        """Check that the pipeline's role may start the job, tag it, and pass it the role of the job."""
        job = self._scope.arn("sagemaker", f"processing-job/{request['ProcessingJobName'].lower()}")
        try:
            require(self._scope, role_arn, "sagemaker:CreateProcessingJob", job)
            require(self._scope, role_arn, "sagemaker:AddTags", job)
            passed = {"iam__PassedToService": "sagemaker.amazonaws.com"}
            require(self._scope, role_arn, "iam:PassRole", request["RoleArn"], **passed)
            if key := request["ProcessingResources"]["ClusterConfig"].get("VolumeKmsKeyId"):
                require(self._scope, role_arn, "kms:CreateGrant", key, kms__GrantIsForAWSResource="true")
        except NotAllowedError as error:
            raise JobFailedError(
                f"ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details: {error}"
            ) from error

    def _attempt(self, arguments: dict[str, Any], role_arn: str, record_job: Any) -> None:
        request = {**arguments, "ProcessingJobName": self.new_job_name()}
        broken = violations(request, _shape_of_a_request())
        if broken:
            raise JobFailedError(
                "ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details: "
                f"{len(broken)} validation error(s) detected: {'; '.join(broken)}"
            )
        self._check_role(request, role_arn)
        self.job = ProcessingJob(self._scope, request)
        record_job(self.job)
        if self._stopping.is_set():
            self.job.stop()
        self.job.run()
