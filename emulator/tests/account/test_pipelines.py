"""Pipelines executed by the account: real jobs on real objects, through definitions written by hand."""

from __future__ import annotations

import json
import os
import textwrap
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import JOBS_ROLE

ENDED = ("Succeeded", "Failed", "Stopped")


class Pipelines:
    """A bucket of its own, and the few calls that every test here makes."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.s3 = account.client("s3")
        self.sagemaker = account.client("sagemaker")
        self.bucket = f"test-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def put(self, key: str, text: str) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=textwrap.dedent(text).encode())
        return f"s3://{self.bucket}/{key}"

    def get(self, key: str) -> str:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()

    def step(self, name: str, script: str, argv: list[Any] | None = None, **more: Any) -> dict[str, Any]:
        code = f"code/{name}-{uuid.uuid4().hex[:8]}"
        self.put(f"{code}/run.py", script)
        inputs = [self.input("code", f"s3://{self.bucket}/{code}/"), *more.pop("inputs", [])]
        return {
            "Name": name,
            "Type": "Processing",
            "Arguments": {
                "ProcessingResources": {
                    "ClusterConfig": {
                        "InstanceType": "ml.m5.large",
                        "InstanceCount": more.pop("instances", 1),
                        "VolumeSizeInGB": 30,
                    }
                },
                "AppSpecification": {
                    "ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/jobs:latest",
                    "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/run.py"],
                    "ContainerArguments": argv or ["none"],
                },
                "RoleArn": JOBS_ROLE,
                "ProcessingInputs": inputs,
                **more.pop("arguments", {}),
            },
            **more,
        }

    def input(self, name: str, uri: str) -> dict[str, Any]:
        return {
            "InputName": name,
            "S3Input": {
                "S3Uri": uri,
                "LocalPath": f"/opt/ml/processing/input/{name}",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }

    def create(self, *steps: dict[str, Any], parameters: list[dict[str, Any]] | None = None) -> str:
        name = f"p-{uuid.uuid4().hex[:10]}"
        definition = {"Version": "2020-12-01", "Parameters": parameters or [], "Steps": list(steps)}
        self.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=JOBS_ROLE)
        return name

    def start(self, name: str, **parameters: str) -> str:
        given = [{"Name": key, "Value": value} for key, value in parameters.items()]
        return self.sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given)[
            "PipelineExecutionArn"
        ]

    def finish(self, arn: str) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            described = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            if described["PipelineExecutionStatus"] in ENDED:
                return described
            time.sleep(0.05)
        raise AssertionError(f"{arn} did not end: {described}")

    def run(self, *steps: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        arn = self.start(self.create(*steps))
        return self.finish(arn), self.steps(arn)

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        listed = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return {step["StepName"]: step for step in listed}

    def job(self, step: dict[str, Any]) -> dict[str, Any]:
        name = step["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
        return self.sagemaker.describe_processing_job(ProcessingJobName=name)


def reasons(steps: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: step.get("FailureReason", step["StepStatus"]) for name, step in steps.items()}


@pytest.fixture(scope="module")
def pipelines(account: Account) -> Pipelines:
    return Pipelines(account)


SQUARE = """
    import argparse, json, os, pathlib
    parser = argparse.ArgumentParser()
    parser.add_argument("--numbers")
    parser.add_argument("--out")
    options = parser.parse_args()
    found = [int(line) for path in sorted(pathlib.Path(options.numbers).rglob("*.txt")) for line in path.open()]
    (pathlib.Path(options.out) / "squares.json").write_text(json.dumps([number ** 2 for number in found]))
    print("squared", len(found), "for", os.environ["PROJECT"])
"""
TOTAL = """
    import json, sys
    import boto3, pyarrow.fs
    source, target, label = sys.argv[1:]
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    body = boto3.client("s3").get_object(Bucket=bucket, Key=prefix + "/squares.json")["Body"].read()
    filesystem, path = pyarrow.fs.FileSystem.from_uri(source + "/squares.json")
    with filesystem.open_input_file(path) as file:
        assert file.read() == body
    bucket, _, key = target.removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=f"{label}:{sum(json.loads(body))}")
"""


def two_steps(pipelines: Pipelines) -> str:
    pipelines.put("numbers/a.txt", "1\n2\n")
    pipelines.put("numbers/deep/b.txt", "3\n")
    square = pipelines.step(
        "Square",
        SQUARE,
        ["--numbers", "/opt/ml/processing/input/numbers", "--out", "/opt/ml/processing/output"],
        inputs=[pipelines.input("numbers", f"s3://{pipelines.bucket}/numbers")],
        arguments={
            "Environment": {"PROJECT": {"Get": "Parameters.Project"}},
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "squares",
                        "S3Output": {
                            "S3Uri": {
                                "Std:Join": {
                                    "On": "/",
                                    "Values": [
                                        f"s3://{pipelines.bucket}/out",
                                        {"Get": "Execution.PipelineExecutionId"},
                                    ],
                                }
                            },
                            "LocalPath": "/opt/ml/processing/output",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
        },
    )
    total = pipelines.step(
        "Total",
        TOTAL,
        [
            {"Get": "Steps.Square.ProcessingOutputConfig.Outputs['squares'].S3Output.S3Uri"},
            f"s3://{pipelines.bucket}/total",
            {"Std:Join": {"On": "-", "Values": [{"Get": "Parameters.Project"}, {"Get": "Parameters.Count"}]}},
        ],
    )
    # Written in the wrong order: what Total reads from Square decides.
    return pipelines.create(
        total,
        square,
        parameters=[
            {"Name": "Project", "Type": "String", "EnumValues": ["red", "blue"]},
            {"Name": "Count", "Type": "Integer", "DefaultValue": 7},
        ],
    )


def test_two_steps_compute_on_objects(pipelines: Pipelines) -> None:
    arn = pipelines.start(two_steps(pipelines), Project="red")
    assert pipelines.finish(arn)["PipelineExecutionStatus"] == "Succeeded", reasons(pipelines.steps(arn))
    assert pipelines.get("total") == "red-7:14"

    steps = pipelines.steps(arn)
    assert list(steps) == ["Total", "Square"]  # newest first
    assert all(step["AttemptCount"] == 1 and step["EndTime"] >= step["StartTime"] for step in steps.values())
    assert steps["Square"]["EndTime"] <= steps["Total"]["StartTime"]

    job = pipelines.job(steps["Square"])
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["Environment"] == {"PROJECT": "red"}
    logs = pipelines.account.client("logs")
    group = "/aws/sagemaker/ProcessingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job['ProcessingJobName']}/algo-1-")
    (stream,) = streams["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert [event["message"] for event in events] == ["squared 3 for red"]

    bound = pipelines.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    assert bound == [{"Name": "Project", "Value": "red"}, {"Name": "Count", "Value": "7"}]


def test_same_code_runs_from_the_same_path_with_the_same_times(pipelines: Pipelines) -> None:
    script = """
        import os, sys
        print(__file__, os.stat(__file__).st_mtime_ns, os.environ["NUMBA_CACHE_DIR"])
    """
    name = pipelines.create(pipelines.step("Where", script))
    seen = []
    for _ in range(2):
        arn = pipelines.start(name)
        assert pipelines.finish(arn)["PipelineExecutionStatus"] == "Succeeded"
        job = pipelines.job(pipelines.steps(arn)["Where"])["ProcessingJobName"]
        seen.append((pipelines.account.directory / "state" / "jobs" / job / "algo-1.log").read_text())
    assert seen[0] == seen[1]
    assert (os.environ.get("NUMBA_CACHE_DIR") or str(pipelines.account.directory / "cache" / "numba")) in seen[0]


def test_config_files_describe_the_job_and_its_instances(pipelines: Pipelines) -> None:
    script = """
        import json, os, pathlib, sys
        root = pathlib.Path(os.environ["NDR_OPT_ML"])
        assert sys.argv[1] == f"--config={root}/config", sys.argv
        resources = json.loads((root / "config/resourceconfig.json").read_text())
        job = json.loads((root / "config/processingjobconfig.json").read_text())
        assert resources["hosts"] == ["algo-1", "algo-2"], resources
        out = root / "processing/output"
        (out / resources["current_host"]).write_text(job["AppSpecification"]["ContainerArguments"][0])
    """
    step = pipelines.step(
        "Both",
        script,
        ["--config=/opt/ml/config"],
        instances=2,
        arguments={
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "o",
                        "S3Output": {
                            "S3Uri": f"s3://{pipelines.bucket}/hosts",
                            "LocalPath": "/opt/ml/processing/output",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            }
        },
    )
    ended, steps = pipelines.run(step)
    assert ended["PipelineExecutionStatus"] == "Succeeded", reasons(steps)
    assert pipelines.get("hosts/algo-1") == pipelines.get("hosts/algo-2") == "--config=/opt/ml/config"


def test_failure_reason_ends_with_the_log(pipelines: Pipelines) -> None:
    failing = pipelines.step("Fails", "raise ValueError('no traffic in the batch')")
    after = pipelines.step("After", "print('never')", DependsOn=["Fails"])
    ended, steps = pipelines.run(failing, after)
    assert ended["PipelineExecutionStatus"] == "Failed"
    assert ended["FailureReason"] == "Step failure: One or multiple steps failed."
    assert list(steps) == ["Fails"]
    reason = steps["Fails"]["FailureReason"]
    assert reason.startswith("AlgorithmError: Traceback")
    assert reason.endswith("ValueError: no traffic in the batch, exit code: 1")


def test_failure_message_file_comes_first_and_is_cut(pipelines: Pipelines) -> None:
    script = """
        import os, pathlib, sys
        pathlib.Path(os.environ["NDR_OPT_ML"], "output/message").write_text("JobSpecInvalidError: " + "x" * 2000)
        sys.exit("other words")
    """
    _, steps = pipelines.run(pipelines.step("Fails", script))
    reason = steps["Fails"]["FailureReason"]
    assert len(reason) == 1024
    assert reason.startswith("AlgorithmError: JobSpecInvalidError: xxx")
    assert reason.endswith("x, exit code: 1")


def test_missing_input_names_itself(pipelines: Pipelines) -> None:
    uri = f"s3://{pipelines.bucket}/nothing/here/"
    _, steps = pipelines.run(pipelines.step("Reads", "", inputs=[pipelines.input("data", uri)]))
    assert uri in steps["Reads"]["FailureReason"]
    assert steps["Reads"]["AttemptCount"] == 1


def test_arguments_must_be_what_create_processing_job_takes(pipelines: Pipelines) -> None:
    _, steps = pipelines.run(pipelines.step("Typed", "print()", ["--n", 3]))
    assert "Failed to invoke sagemaker:CreateProcessingJob" in steps["Typed"]["FailureReason"]
    assert "Member must be of type string" in steps["Typed"]["FailureReason"]


KILLED_ONCE = """
    import boto3, os, signal, sys
    s3 = boto3.client("s3")
    tries = s3.list_objects_v2(Bucket=sys.argv[1], Prefix=sys.argv[2]).get("KeyCount", 0)
    s3.put_object(Bucket=sys.argv[1], Key=f"{sys.argv[2]}/{tries}", Body=b"")
    if tries < 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("attempts", "status", "attempted"), [(2, "Succeeded", 3), (1, "Failed", 2)], ids=["enough", "too few"]
)
def test_retry_policy_is_honoured(pipelines: Pipelines, attempts: int, status: str, attempted: int) -> None:
    policy = {
        "ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"],
        "IntervalSeconds": 1,
        "BackoffRate": 2.0,
        "MaxAttempts": attempts,
    }
    step = pipelines.step("Killed", KILLED_ONCE, [pipelines.bucket, f"tries-{attempts}"], RetryPolicies=[policy])
    ended, steps = pipelines.run(step)
    assert ended["PipelineExecutionStatus"] == status
    assert steps["Killed"]["AttemptCount"] == attempted


def test_job_internal_error_is_not_retried_without_a_policy(pipelines: Pipelines) -> None:
    _, steps = pipelines.run(pipelines.step("Killed", KILLED_ONCE, [pipelines.bucket, "tries-none"]))
    assert steps["Killed"]["AttemptCount"] == 1
    assert "SIGKILL" in steps["Killed"]["FailureReason"]


def test_stop_ends_the_process_group(pipelines: Pipelines) -> None:
    script = """
        import boto3, subprocess, sys
        child = subprocess.Popen(["sleep", "600"])
        boto3.client("s3").put_object(Bucket=sys.argv[1], Key="running", Body=str(child.pid))
        child.wait()
    """
    name = pipelines.create(pipelines.step("Sleeps", script, [pipelines.bucket]))
    arn = pipelines.start(name)
    deadline = time.monotonic() + 20
    while "Contents" not in pipelines.s3.list_objects_v2(Bucket=pipelines.bucket, Prefix="running"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    pipelines.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)
    assert pipelines.finish(arn)["PipelineExecutionStatus"] == "Stopped"
    steps = pipelines.steps(arn)
    assert steps["Sleeps"]["StepStatus"] == "Stopped"
    assert pipelines.job(steps["Sleeps"])["ProcessingJobStatus"] == "Stopped"
    assert not _alive(int(pipelines.get("running")))
    with pytest.raises(ClientError, match="Only executions that are Executing can be stopped"):
        pipelines.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="t" * 32)


def _alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_start_is_idempotent_by_token(pipelines: Pipelines) -> None:
    name = pipelines.create(
        pipelines.step("Once", "print('once')"), parameters=[{"Name": "A", "Type": "String", "DefaultValue": "x"}]
    )

    def start(token: str, value: str) -> str:
        return pipelines.sagemaker.start_pipeline_execution(
            PipelineName=name, ClientRequestToken=token, PipelineParameters=[{"Name": "A", "Value": value}]
        )["PipelineExecutionArn"]

    first = start("a" * 32, "x")
    assert start("a" * 32, "x") == first
    assert start("b" * 64, "x") != first
    with pytest.raises(ClientError, match="already used"):
        start("a" * 32, "y")
    listed = pipelines.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
    assert len(listed) == 2


def test_executions_are_listed_by_time_and_their_parameters_page_by_page(pipelines: Pipelines) -> None:
    names = ("A", "B", "C")
    declared = [{"Name": name, "Type": "String", "DefaultValue": "x"} for name in names]
    name = pipelines.create(pipelines.step("Once", "print('once')"), parameters=declared)
    sagemaker = pipelines.sagemaker
    arns = [sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"] for _ in range(3)]

    def listed(**asked: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
            PipelineName=name, PaginationConfig={"PageSize": 1}, **asked
        )
        return [item["PipelineExecutionArn"] for page in pages for item in page["PipelineExecutionSummaries"]]

    now = datetime.now(UTC)
    assert listed() == listed(SortBy="CreationTime", SortOrder="Descending") == arns[::-1]
    assert listed(SortOrder="Ascending", CreatedAfter=now - timedelta(hours=1)) == arns
    assert listed(CreatedAfter=now + timedelta(hours=1)) == listed(CreatedBefore=now - timedelta(hours=1)) == []
    pages = sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(
        PipelineExecutionArn=arns[0], PaginationConfig={"PageSize": 2}
    )
    found = [page["PipelineParameters"] for page in pages]
    assert found == [[{"Name": each, "Value": "x"} for each in part] for part in ("AB", "C")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Color": "red"}, "Unknown parameters were provided: \\[Color\\]"),
        ({"Project": "green"}, "not among its EnumValues: \\[red, blue\\]"),
        ({"Project": "red", "Count": "many"}, "not of type Integer"),
        ({}, "Parameter \\[Project\\] has no default value"),
    ],
)
def test_parameters_are_checked(pipelines: Pipelines, given: dict[str, str], message: str) -> None:
    with pytest.raises(ClientError, match=message) as raised:
        pipelines.start(two_steps(pipelines), **given)
    assert raised.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("{", "it is not JSON"),
        ('{"Version": "2019", "Steps": []}', "its Version must be '2020-12-01'"),
        ('{"Version": "2020-12-01", "Steps": []}', "at least one step"),
        ('{"Version": "2020-12-01", "Steps": [{"Name": "A", "Type": "Training"}]}', "runs Processing steps"),
        (
            '{"Version": "2020-12-01", "Steps": [{"Name": "A", "Type": "Processing", "Arguments": '
            '{"X": {"Get": "Parameters.Nope"}}}]}',
            "refers to Parameters.Nope",
        ),
        (
            '{"Version": "2020-12-01", "Steps": [{"Name": "A", "Type": "Processing", "DependsOn": ["B"]}, '
            '{"Name": "B", "Type": "Processing", "DependsOn": ["A"]}]}',
            "depend on each other",
        ),
    ],
)
def test_definitions_are_checked(pipelines: Pipelines, definition: str, message: str) -> None:
    with pytest.raises(ClientError, match=message):
        pipelines.sagemaker.create_pipeline(PipelineName="bad", PipelineDefinition=definition, RoleArn=JOBS_ROLE)


def test_a_pipeline_is_created_updated_described_and_deleted(pipelines: Pipelines) -> None:
    client = pipelines.sagemaker
    name = pipelines.create(pipelines.step("One", "print(1)"))
    text = client.describe_pipeline(PipelineName=name)["PipelineDefinition"]
    with pytest.raises(ClientError, match="already exists") as raised:
        client.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=JOBS_ROLE)
    assert raised.value.response["Error"]["Code"] == "ValidationException"

    changed = text.replace('"One"', '"Uno"')
    pipelines.put("definition.json", changed)
    location = {"Bucket": pipelines.bucket, "ObjectKey": "definition.json"}
    arn = client.update_pipeline(PipelineName=name, PipelineDefinitionS3Location=location)["PipelineArn"]
    assert client.describe_pipeline(PipelineName=arn)["PipelineDefinition"] == changed

    client.add_tags(ResourceArn=arn, Tags=[{"Key": "digest", "Value": "abc"}])
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "digest", "Value": "abc"}]
    assert name in [each["PipelineName"] for each in client.list_pipelines(MaxResults=100)["PipelineSummaries"]]
    client.delete_pipeline(PipelineName=name)
    with pytest.raises(ClientError, match="does not exist") as raised:
        client.describe_pipeline(PipelineName=name)
    assert raised.value.response["Error"]["Code"] == "ResourceNotFound"


def test_an_execution_keeps_the_definition_it_was_started_with(pipelines: Pipelines) -> None:
    name = pipelines.create(pipelines.step("Old", "print(1)"))
    old = pipelines.sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"]
    arn = pipelines.start(name)
    pipelines.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=old.replace('"Old"', '"New"'))
    pipelines.finish(arn)
    assert list(pipelines.steps(arn)) == ["Old"]
