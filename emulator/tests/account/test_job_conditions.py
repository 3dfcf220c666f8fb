"""Jobs of an account with a stepped clock: start-up times, lack of capacity, failures, each told by the clock alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ministack_sagemaker import clock
from ministack_sagemaker.clock_control import ClockControl
from ministack_sagemaker.faults import injected
from ministack_sagemaker.job_conditions import JobConditions
from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import JOBS_ROLE, create_open_roles, environment_variables, fast_account

START = datetime(2026, 1, 5, tzinfo=UTC)
STARTUP = 120.0
RETRIES = [
    {
        "ExceptionType": ["SageMaker.CAPACITY_ERROR"],
        "IntervalSeconds": 600,
        "BackoffRate": 1.0,
        "ExpireAfterMin": 240,
    }
]


@dataclass(frozen=True)
class Pipelines:
    """An account with a pipeline of one step, which puts an object."""

    account: Account
    clock: ClockControl

    def run(self) -> tuple[str, timedelta]:
        """Run the pipeline to its end; return its status, and how long it took by the account's clock."""
        sagemaker = self.account.client("sagemaker")
        arn = sagemaker.start_pipeline_execution(PipelineName="puts")["PipelineExecutionArn"]
        while due := self.clock.settle():
            self.clock.advance(due)
        ended = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return ended["PipelineExecutionStatus"], ended["LastModifiedTime"] - ended["CreationTime"]

    def objects(self) -> int:
        return self.account.client("s3").list_objects_v2(Bucket="jobs", Prefix="put/")["KeyCount"]


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipelines]:
    with (
        environment_variables(**{clock.VARIABLE: START.isoformat()}),
        fast_account(tmp_path_factory.mktemp("stepped_account"), job_startup_seconds=STARTUP) as account,
    ):
        create_open_roles(account)
        s3 = account.client("s3")
        s3.create_bucket(Bucket="jobs")
        script = "import boto3, uuid; boto3.client('s3').put_object(Bucket='jobs', Key='put/' + uuid.uuid4().hex)"
        s3.put_object(Bucket="jobs", Key="code/run.py", Body=script.encode())
        text = json.dumps({"Version": "2020-12-01", "Steps": [_step()]})
        account.client("sagemaker").create_pipeline(PipelineName="puts", PipelineDefinition=text, RoleArn=JOBS_ROLE)
        control = ClockControl(account.directory)
        yield Pipelines(account, control)
        control.close()


def _step() -> dict[str, Any]:
    code = {"S3Uri": "s3://jobs/code/", "LocalPath": "/opt/ml/processing/code", "S3DataType": "S3Prefix"}
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
    arguments = {
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {
            "ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/jobs:latest",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/run.py"],
        },
        "RoleArn": JOBS_ROLE,
        "ProcessingInputs": [{"InputName": "code", "S3Input": {**code, "S3InputMode": "File"}}],
    }
    return {"Name": "Put", "Type": "Processing", "Arguments": arguments, "RetryPolicies": RETRIES}


def directory_of(pipelines: Pipelines) -> Path:
    return pipelines.account.directory


def test_the_accounts_start_up_time_lies_between_the_creation_and_the_start_of_a_job(pipelines: Pipelines) -> None:
    """Before any conditions are put. DescribeProcessingJob in the SageMaker API Reference tells both times apart
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeProcessingJob.html).
    """
    assert pipelines.run() == ("Succeeded", timedelta(seconds=STARTUP))
    sagemaker = pipelines.account.client("sagemaker")
    (execution,) = sagemaker.list_pipeline_executions(PipelineName="puts")["PipelineExecutionSummaries"]
    arn = execution["PipelineExecutionArn"]
    (step,) = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    name = step["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    job = sagemaker.describe_processing_job(ProcessingJobName=name)
    assert job["ProcessingStartTime"] - job["CreationTime"] == timedelta(seconds=STARTUP)
    assert job["ProcessingEndTime"] == job["ProcessingStartTime"]  # work takes no time of this clock
    assert step["EndTime"] - step["StartTime"] == timedelta(seconds=STARTUP)


def test_a_job_takes_its_start_up_time_and_no_other(pipelines: Pipelines) -> None:
    JobConditions(seed=1, startup_seconds=(300.0, 300.0)).put(directory_of(pipelines))
    before = pipelines.objects()
    assert pipelines.run() == ("Succeeded", timedelta(seconds=300))
    assert pipelines.objects() == before + 1


def test_a_job_without_capacity_is_tried_again_until_the_shortage_is_over(pipelines: Pipelines) -> None:
    hour = (3600.0, 3600.0)
    JobConditions(seed=1, without_capacity=1.0, shortage_seconds=hour).put(directory_of(pipelines))
    before = pipelines.objects()
    status, took = pipelines.run()
    assert (status, pipelines.objects()) == ("Succeeded", before + 1)
    assert took == timedelta(hours=1)


def test_a_shortage_that_outlasts_the_retries_fails_the_execution(pipelines: Pipelines) -> None:
    day = (86_400.0, 86_400.0)
    JobConditions(seed=1, without_capacity=1.0, shortage_seconds=day).put(directory_of(pipelines))
    status, took = pipelines.run()
    assert status == "Failed"
    assert timedelta(hours=4) <= took <= timedelta(hours=4, minutes=10)
    JobConditions().put(directory_of(pipelines))
    pipelines.clock.advance(START + timedelta(days=3))  # when the shortage is over
    assert pipelines.run()[0] == "Succeeded"


def test_jobs_that_fail_do_so_before_in_or_after_their_work_and_are_counted(pipelines: Pipelines) -> None:
    before, counted = pipelines.objects(), len(injected(directory_of(pipelines)))
    JobConditions(seed=1, failing=1.0).put(directory_of(pipelines))
    assert {pipelines.run()[0] for _ in range(12)} == {"Failed"}
    failures = injected(directory_of(pipelines))[counted:]
    kinds = [line.split()[2] for line in failures]
    assert len(failures) == 12
    assert set(kinds) == {"at-its-start", "in-between", "after-its-work"}
    assert kinds.count("after-its-work") <= pipelines.objects() - before <= 12 - kinds.count("at-its-start")
