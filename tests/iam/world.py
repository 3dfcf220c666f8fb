"""The template deployed under a key into an account that enforces IAM, with JobSpecs and two small pipelines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.statemachines.jobspecs import documents
from tests.statemachines.pipelines import definition

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import subscribed_queue
from ndr.contract.jobspecs import parse_jobspec, put_jobspec
from ndr.contract.pipelines import SCORED_MINI_BATCH_PIPELINE
from ndr.local.console.progress import Progress
from ndr.local.deployment.create import deploy_stack
from ndr.local.deployment.deployment import Deployment
from ndr.local.jobspecs import DEMO_FILES, deployed_values, read_jobspec_files

PATIENCE_SECONDS = 120.0
FAILING = "ndr-failing"
PROBING = "ndr-probing"
ELSEWHERE = "delivered-elsewhere"
PROBING_SCRIPT = """
import sys
import boto3
from botocore.exceptions import ClientError
s3, (bucket, traffic) = boto3.client("s3"), sys.argv[1:]
assert s3.list_objects_v2(Bucket=traffic, Prefix="flows/part-")["KeyCount"] == 1
s3.get_object(Bucket=traffic, Key="flows/part-0.json")
s3.put_object(Bucket=bucket, Key="probing/put", Body=b"")
s3.delete_object(Bucket=bucket, Key="probing/put")
for refused in (
    lambda: s3.put_object(Bucket=bucket, Key="code/replaced", Body=b""),
    lambda: s3.delete_object(Bucket=bucket, Key="code/replaced"),
    lambda: s3.put_object(Bucket=bucket, Key="integration/kept.json", Body=b""),
    lambda: s3.delete_object(Bucket=bucket, Key="integration/kept.json"),
    lambda: s3.put_object(Bucket=traffic, Key="flows/part-0.json", Body=b""),
):
    try:
        refused()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied", error
    else:
        raise SystemExit("code or traffic was changed by a job")
"""
FAILING_SCRIPT = """
import os, pathlib, sys, time
if "lasting" in sys.argv: time.sleep(600)
print("about to fail", flush=True)
pathlib.Path(os.environ.get("NDR_OPT_ML", "/opt/ml"), "output/message").write_text("The project is unlucky.")
sys.exit(1)
"""


@dataclass(frozen=True)
class World:
    """What the scenarios act in."""

    deployment: Deployment
    key: str
    queue: str
    failed_execution: str

    @classmethod
    def build(cls, account: Account) -> World:
        """Deploy, and put in place what the scenarios take for granted."""
        key = str(account.client("kms").create_key()["KeyMetadata"]["Arn"])
        with Path("/dev/null").open("w") as nowhere:
            progress = Progress(Console(file=nowhere))
            arrival = {"StartOnArrival": "true", "ArrivalQuietSeconds": "1"}
            network = {"VpcSubnetIds": "subnet-0a,subnet-0b", "VpcSecurityGroupIds": "sg-0c"}
            parameters = {"KmsKeyArn": key, **arrival, **network, **_delivered(account)}
            deployment = deploy_stack(account, "guarded", "v1", "up", progress, **parameters)
        for jobspec in read_jobspec_files(DEMO_FILES, deployed_values(deployment, "local")):
            put_jobspec(deployment.table("JobSpecTableName"), jobspec)
        _put_elsewhere(deployment)
        deployment.warehouse.run("INSERT INTO public.dim_machine VALUES ('10.0.0.1', 'a', true, 'prod', NULL, NULL)")
        _register_failing(deployment)
        _register_probing(deployment)
        queue = subscribed_queue(account, "told", deployment.outputs["FailureTopicArn"])
        execution = deployment.client("sagemaker").start_pipeline_execution(PipelineName=FAILING)
        world = cls(deployment, key, queue, str(execution["PipelineExecutionArn"]))
        assert world.pipeline_ends(world.failed_execution) == "Failed"
        return world

    @property
    def directory(self) -> Path:
        """The folder of the account's files."""
        return self.deployment.account.directory

    def client(self, service: str) -> Any:
        return self.deployment.client(service)

    def put(self, uri: str, content: bytes) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=content)

    def until(self, look: Callable[[], Any]) -> Any:
        """Look until there is something, and return it."""
        patience = time.monotonic() + PATIENCE_SECONDS
        while not (seen := look()):
            assert time.monotonic() < patience, "it did not come about"
            time.sleep(0.1)
        return seen

    def pipeline_ends(self, execution: str) -> str:
        """The status with which a pipeline execution ends."""
        sagemaker = self.client("sagemaker")

        def status() -> str | None:
            now = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)["PipelineExecutionStatus"]
            return None if now in ("Executing", "Stopping") else str(now)

        return str(self.until(status))

    def run_pipeline(self, name: str, **parameters: str) -> list[dict[str, Any]]:
        """Run a pipeline to its success; return its steps."""
        sagemaker = self.client("sagemaker")
        given = [{"Name": key, "Value": value} for key, value in parameters.items()]
        arn = sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given)["PipelineExecutionArn"]
        status = self.pipeline_ends(arn)
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        assert status == "Succeeded", [step.get("FailureReason") for step in steps]
        return list(steps)

    def run_machine(self, machine: str, request: Any) -> dict[str, Any]:
        """Run a machine to its end; return its description."""
        states = self.client("stepfunctions")
        started = states.start_execution(stateMachineArn=self.deployment.machines[machine], input=json.dumps(request))
        arn = started["executionArn"]
        self.until(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING")
        return dict(states.describe_execution(executionArn=arn))

    def invoke(self, output: str, event: Any) -> Any:
        """Call a function; its log must have grown by this call."""
        functions, name = self.client("lambda"), self.deployment.outputs[output]
        group = functions.get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        before = self.log_streams(group)
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        assert self.log_streams(group) > before, f"{name} left no log"
        return payload

    @contextmanager
    def rule_enabled(self) -> Iterator[None]:
        """Let files that arrive start batches while the body runs; the schedules of this stack are disabled."""
        events = self.client("events")
        (rule,) = [each["Name"] for each in events.list_rules()["Rules"] if "ArrivalRule" in each["Name"]]
        events.enable_rule(Name=rule)
        try:
            yield
        finally:
            events.disable_rule(Name=rule)

    def executions_of_arrivals(self, batch_id: str) -> list[dict[str, Any]]:
        """Wait until the executions that files of a mini-batch started have ended; return their descriptions."""
        states, machine = self.client("stepfunctions"), self.deployment.machines["mini_batch"]

        def ended() -> list[dict[str, Any]]:
            listed = states.list_executions(stateMachineArn=machine)["executions"]
            found = [states.describe_execution(executionArn=each["executionArn"]) for each in listed]
            of_batch = [each for each in found if "arrived" in each["input"] and batch_id in each["input"]]
            return [] if any(each["status"] == "RUNNING" for each in of_batch) else of_batch

        return list(self.until(ended))

    def log_streams(self, group: str, prefix: str = "") -> int:
        """Number of log streams in a group."""
        narrowed = {"logStreamNamePrefix": prefix} if prefix else {}
        pages = self.client("logs").get_paginator("describe_log_streams").paginate(logGroupName=group, **narrowed)
        return sum(len(page["logStreams"]) for page in pages)

    def messages(self) -> list[str]:
        """What the failure topic sent since the last look."""
        sqs, found = self.client("sqs"), []
        while batch := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in batch:
                found.append(json.loads(message["Body"])["Message"])
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found


def _delivered(account: Account) -> dict[str, str]:
    """A bucket that others deliver traffic to, under a key of theirs; the parameters that let the stack read it."""
    s3, key = account.client("s3"), account.client("kms").create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket=ELSEWHERE)
    s3.put_object(Bucket=ELSEWHERE, Key="flows/part-0.json", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    return {"TrafficBucketArns": f"arn:aws:s3:::{ELSEWHERE}", "TrafficKeyArns": key}


def _put_elsewhere(deployment: Deployment) -> None:
    """Put the JobSpecs of a project whose traffic is in that bucket."""
    for document in documents(ELSEWHERE, bucket=deployment.data_bucket):
        if document["job_name"] == "delta_builder":
            document["spec"]["inputs"]["integration"] = f"s3://{ELSEWHERE}/flows/"
        put_jobspec(deployment.table("JobSpecTableName"), parse_jobspec(document))


def _register_probing(deployment: Deployment) -> None:
    """A pipeline whose job reads the traffic elsewhere, and tries what no job may do to code and traffic."""
    bucket, role = deployment.data_bucket, deployment.outputs["PipelineRoleArn"]
    s3 = deployment.client("s3")
    s3.put_object(Bucket=bucket, Key="integration/kept.json", Body=b"kept")
    s3.put_object(Bucket=bucket, Key="probing/run.py", Body=PROBING_SCRIPT.encode())
    probing = definition(["Bucket", "Traffic"], bucket, role)
    (code,) = probing["Steps"][0]["Arguments"]["ProcessingInputs"]
    code["S3Input"]["S3Uri"] = f"s3://{bucket}/probing/"
    text = json.dumps(probing)
    deployment.client("sagemaker").create_pipeline(PipelineName=PROBING, PipelineDefinition=text, RoleArn=role)


def _register_failing(deployment: Deployment) -> None:
    """A small pipeline that fails, and the 15-minute pipeline replaced by another: failing takes no time then."""
    bucket, role = deployment.data_bucket, deployment.outputs["PipelineRoleArn"]
    deployment.client("s3").put_object(Bucket=bucket, Key="machines-test/run.py", Body=FAILING_SCRIPT.encode())
    names = ["ProjectName", "FeatureSpecVersion", "MiniBatchId", "BatchStartTsIso", "BatchEndTsIso"]
    sagemaker = deployment.client("sagemaker")
    replaced = (SCORED_MINI_BATCH_PIPELINE, sagemaker.update_pipeline)
    for name, register in ((FAILING, sagemaker.create_pipeline), replaced):
        register(PipelineName=name, PipelineDefinition=json.dumps(definition(names, bucket, role)), RoleArn=role)
