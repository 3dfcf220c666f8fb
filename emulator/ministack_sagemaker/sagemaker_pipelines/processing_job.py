"""One processing job: inputs from S3, its command on every host, outputs to S3."""

from __future__ import annotations

import os
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ministack_sagemaker import clock, directories, job_conditions
from ministack_sagemaker.sagemaker_pipelines.host import Host
from ministack_sagemaker.sagemaker_pipelines.input_cache import fetch, split_uri
from ministack_sagemaker.sagemaker_pipelines.job_failure import JobFailedError, service_failure
from ministack_sagemaker.sagemaker_pipelines.job_log import JobLog
from ministack_sagemaker.sagemaker_pipelines.job_permissions import check_permissions
from ministack_sagemaker.sagemaker_pipelines.opt_ml import OptMl
from ministack_sagemaker.scope import Scope

# A demo machine has few cores: more jobs at once would only make each of them slower.
CONCURRENT_JOBS = 2
_job_slots = threading.BoundedSemaphore(CONCURRENT_JOBS)
_session = boto3.session.Session()  # which reads each service's model once
_creating_client = threading.Lock()
_POLL_SECONDS = 0.02
_DEFAULT_MAX_RUNTIME_SECONDS = 86_400


class ProcessingJob:
    """A processing job.

    Parameters
    ----------
    scope
        The account and region that it runs in.
    request
        The arguments of CreateProcessingJob, without expressions.
    """

    def __init__(self, scope: Scope, request: dict[str, Any]) -> None:
        self._scope = scope
        self._request = request
        self.name: str = request["ProcessingJobName"]
        self.arn = scope.arn("sagemaker", f"processing-job/{self.name}")
        self.status = "InProgress"
        self.failure_reason: str | None = None
        self._exit_message: str | None = None
        self._created = clock.now()
        self._started: datetime | None = None
        self._ended: datetime | None = None
        self._stopping = threading.Event()
        self._hosts: list[Host] = []
        self._directory: Path = directories.state("jobs", self.name)

    def run(self) -> None:
        """Run the job to its end.

        Raises
        ------
        JobFailedError
            An input is missing, a host failed, or an output can't be written. The job's status is then `Failed`.
        """
        try:
            check_permissions(self._scope, self._request)
            meets = job_conditions.start_of(self._command())
            clock.sleep(meets.startup_seconds, self._stopping)
            self._started = clock.now()
            with _job_slots:
                self._run_in_slot(meets)
            self.status = "Stopped" if self._stopping.is_set() else "Completed"
        except JobFailedError as failure:
            self.status = "Failed"
            self.failure_reason = failure.reason
            raise
        finally:
            self._ended = clock.now()
            if self._hosts:
                self._exit_message = self._hosts[0].opt_ml.message()

    def _run_in_slot(self, meets: job_conditions.Start) -> None:
        if meets.failure == "at its start":
            raise job_conditions.injected_failure(self._command(), meets.failure)
        self._hosts = [self._prepared_host(index) for index in range(self._instance_count())]
        self._execute(meets.fails_after_seconds if meets.failure == "in between" else None)
        if not self._stopping.is_set():
            self._upload_outputs()
        if meets.failure:
            raise job_conditions.injected_failure(self._command(), meets.failure)

    def stop(self) -> None:
        """End the job's processes; `run` then returns with the status `Stopped`."""
        self._stopping.set()
        clock.interrupt()
        for host in self._hosts:
            host.stop()

    def describe(self) -> dict[str, Any]:
        """What DescribeProcessingJob answers."""
        status = "Stopping" if self._stopping.is_set() and self.status == "InProgress" else self.status
        return {
            **self._request,
            "ProcessingJobArn": self.arn,
            "ProcessingJobStatus": status,
            "FailureReason": self.failure_reason,
            "ExitMessage": self._exit_message,
            "CreationTime": self._created,
            "ProcessingStartTime": self._started,
            "ProcessingEndTime": self._ended,
            "LastModifiedTime": self._ended or self._started or self._created,
        }

    def _instance_count(self) -> int:
        return int(self._request["ProcessingResources"]["ClusterConfig"]["InstanceCount"])

    def _prepared_host(self, index: int) -> Host:
        name = f"algo-{index + 1}"
        opt_ml = OptMl(self._directory / name / "opt" / "ml")
        s3 = self._scope.client("s3")
        for item in self._request.get("ProcessingInputs") or []:
            opt_ml.add_input(item["S3Input"]["LocalPath"], fetch(s3, item["S3Input"]["S3Uri"]))
        for item in self._outputs():
            opt_ml.path(item["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        opt_ml.write_config("processingjobconfig.json", self._request | {"ProcessingJobArn": self.arn})
        opt_ml.write_config("resourceconfig.json", self._resource_config(name))
        stream = f"{self.name}/{name}-{int(time.time())}"
        return Host(name, opt_ml, JobLog(self._logs(), stream, self._directory / f"{name}.log"))

    def _resource_config(self, current: str) -> dict[str, Any]:
        hosts = [f"algo-{index + 1}" for index in range(self._instance_count())]
        instance_type = self._request["ProcessingResources"]["ClusterConfig"]["InstanceType"]
        group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": hosts}
        return {
            "current_host": current,
            "current_instance_type": instance_type,
            "current_group_name": group["instance_group_name"],
            "hosts": hosts,
            "instance_groups": [group],
            "network_interface_name": "lo",
        }

    def _command(self) -> list[str]:
        application = self._request["AppSpecification"]
        return [*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])]

    def _execute(self, ends_after_seconds: float | None) -> None:
        command = self._command()
        environment = {
            "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR") or str(directories.cache("numba")),
            **(self._request.get("Environment") or {}),
            **self._credentials(),
        }
        try:
            for host in self._hosts:
                if not self._stopping.is_set():
                    host.start(command, environment, alone=len(self._hosts) == 1)
            self._wait(ends_after_seconds)
        finally:
            for host in self._hosts:
                if host.running():
                    host.stop()

    def _logs(self) -> Any:
        """CloudWatch Logs with the job's role, as SageMaker writes a job's log."""
        credentials = self._credentials()
        with _creating_client:
            return _session.client(
                "logs",
                endpoint_url=credentials["AWS_ENDPOINT_URL"],
                region_name=self._scope.region,
                aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
                aws_session_token=credentials.get("AWS_SESSION_TOKEN"),
            )

    def _credentials(self) -> dict[str, str]:
        try:
            return self._scope.environment(self._request["RoleArn"], self.name)
        except (ClientError, BotoCoreError) as error:
            raise service_failure(f"Could not assume role {self._request['RoleArn']}", error) from error

    def _wait(self, ends_after_seconds: float | None) -> None:
        limit = (self._request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", _DEFAULT_MAX_RUNTIME_SECONDS)
        deadline = time.monotonic() + limit
        made_to_end = time.monotonic() + ends_after_seconds if ends_after_seconds is not None else float("inf")
        waiting = list(self._hosts)
        while waiting:
            for host in [host for host in waiting if not host.running()]:
                waiting.remove(host)
                failure = host.failure()
                if failure is not None:
                    raise failure
            if waiting and time.monotonic() > made_to_end:
                return
            if waiting and time.monotonic() > deadline:
                raise JobFailedError(f"ClientError: MaxRuntimeExceeded: the job ran longer than {limit} seconds.")
            time.sleep(_POLL_SECONDS if waiting else 0)

    def _outputs(self) -> list[dict[str, Any]]:
        return (self._request.get("ProcessingOutputConfig") or {}).get("Outputs", [])

    def _upload_outputs(self) -> None:
        s3 = self._scope.client("s3")
        for item in self._outputs():
            uri = item["S3Output"]["S3Uri"]
            bucket, prefix = split_uri(uri)
            for host in self._hosts:
                folder = host.opt_ml.path(item["S3Output"]["LocalPath"])
                for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                    key = f"{prefix.rstrip('/')}/{path.relative_to(folder).as_posix()}".lstrip("/")
                    try:
                        s3.upload_file(str(path), bucket, key)
                    except (ClientError, BotoCoreError) as error:
                        raise service_failure(f"Data upload failed for {uri!r}", error) from error
