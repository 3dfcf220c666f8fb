"""A stack that `ndr check` finds nothing wrong with, and ways to break it that are repaired afterwards."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tests.iam.roles import Roles
from tests.statemachines.stack import POLLING
from tests.template import ROOT

from ministack_sagemaker.deploy import deploy
from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.registry import register_image
from ndr.contract.jobspecs import put_jobspec
from ndr.contract.pipelines import FG_B_PIPELINE, INVENTORY_PIPELINE
from ndr.contract.time import SLICE, Interval, floor_to, format_instant, mini_batch_id
from ndr.local.deployment.create import IMAGE, redshift_parameters
from ndr.local.deployment.deployment import Deployment
from ndr.local.jobspecs import DEMO_FILES, deployed_values, read_jobspec_files

NAME: Final = "checked"
FLOW: Final = {
    **{"source_ip": "10.0.0.1", "source_port": 50000, "destination_ip": "10.0.0.2", "destination_port": 443},
    **{"source_bytes": 100, "destination_bytes": 200, "network_transport": "tcp"},
    **{"event_action": "allow", "event_name": "TRAFFIC", "event_reason": "tcp-fin"},
}


@dataclass(frozen=True)
class Checked:
    """A deployed stack with all that a first deployment puts beside it."""

    deployment: Deployment
    account: Account
    mini_batch: Interval

    @classmethod
    def build(cls, account: Account) -> Checked:
        """Deploy, and follow docs/deploy.md: image, stack, JobSpecs, traffic, and a first batch."""
        secrets = account.client("secretsmanager")
        secret = secrets.create_secret(Name="ndr/checked", SecretString='{"username": "ndr", "password": "-"}')["ARN"]
        register_image(account, IMAGE)
        parameters = {**POLLING, "ProjectName": NAME, **redshift_parameters(account, secret)}
        outputs = deploy(account, ROOT / "template.yaml", NAME, parameters)
        end = floor_to(datetime.now(UTC), SLICE)
        checked = cls(Deployment(account, outputs, NAME, "v1", secret, "up"), account, Interval(end - SLICE, end))
        for jobspec in read_jobspec_files(DEMO_FILES, deployed_values(checked.deployment, "local")):
            put_jobspec(checked.jobspecs, jobspec)
        checked.deliver()
        batch = {"batch_start": format_instant(end - SLICE), "batch_end": format_instant(end)}
        assert checked.run("mini_batch", batch)["status"] == "SUCCEEDED"
        assert checked.run("baselines", {"dry_run": True})["status"] == "SUCCEEDED"
        return checked

    @property
    def jobspecs(self) -> Any:
        return self.deployment.table("JobSpecTableName")

    def client(self, service: str) -> Any:
        return self.account.client(service)

    def resource(self, logical_id: str) -> str:
        resources = self.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
        return next(str(each["PhysicalResourceId"]) for each in resources if each["LogicalResourceId"] == logical_id)

    def deliver(self) -> None:
        start = format_instant(self.mini_batch.start)
        flow = FLOW | {"event_start": start, "event_end": start}
        self.client("s3").put_object(
            Bucket=self.deployment.data_bucket, Key=self.delivered, Body=json.dumps(flow).encode() + b"\n"
        )

    @property
    def delivered(self) -> str:
        return f"integration/{mini_batch_id(self.mini_batch)}/part.json"

    def run(self, machine: str, request: dict[str, Any]) -> dict[str, Any]:
        """Run a machine to its end."""
        states = self.client("stepfunctions")
        started = states.start_execution(stateMachineArn=self.deployment.machines[machine], input=json.dumps(request))
        patience = time.monotonic() + 120
        while (ended := states.describe_execution(executionArn=started["executionArn"]))["status"] == "RUNNING":
            assert time.monotonic() < patience
            time.sleep(0.05)
        return dict(ended)


@contextmanager
def image_deleted(stack: Checked) -> Iterator[None]:
    repository, _, tag = IMAGE.partition(":")
    stack.client("ecr").batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
    yield
    register_image(stack.account, IMAGE)


@contextmanager
def pipeline_deleted(stack: Checked) -> Iterator[None]:
    sagemaker = stack.client("sagemaker")
    described = sagemaker.describe_pipeline(PipelineName=INVENTORY_PIPELINE)
    sagemaker.delete_pipeline(PipelineName=INVENTORY_PIPELINE)
    yield
    kept = {name: described[name] for name in ("PipelineDefinition", "PipelineDescription", "RoleArn")}
    sagemaker.create_pipeline(PipelineName=INVENTORY_PIPELINE, ClientRequestToken="1" * 32, **kept)


@contextmanager
def pipeline_edited(stack: Checked) -> Iterator[None]:
    sagemaker = stack.client("sagemaker")
    before = sagemaker.describe_pipeline(PipelineName=FG_B_PIPELINE)["PipelineDefinition"]
    edited = json.loads(before)
    edited["Steps"][0]["Arguments"]["StoppingCondition"] = {"MaxRuntimeInSeconds": 60}
    sagemaker.update_pipeline(PipelineName=FG_B_PIPELINE, PipelineDefinition=json.dumps(edited))
    yield
    sagemaker.update_pipeline(PipelineName=FG_B_PIPELINE, PipelineDefinition=before)


@contextmanager
def jobs_held(stack: Checked, pipeline: str) -> Iterator[None]:
    """Jobs of a pipeline wait in place of working, until they are stopped."""
    sagemaker = stack.client("sagemaker")
    before = sagemaker.describe_pipeline(PipelineName=pipeline)["PipelineDefinition"]
    held = json.loads(before)
    for step in held["Steps"]:
        wait = ["python3", "-c", "import time; time.sleep(300)"]
        step["Arguments"]["AppSpecification"]["ContainerEntrypoint"] = wait
    sagemaker.update_pipeline(PipelineName=pipeline, PipelineDefinition=json.dumps(held))
    yield
    sagemaker.update_pipeline(PipelineName=pipeline, PipelineDefinition=before)


@contextmanager
def code_deleted(stack: Checked) -> Iterator[None]:
    s3, bucket = stack.client("s3"), stack.deployment.data_bucket
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="code/")["Contents"]
    (marker,) = [item["Key"] for item in listed if item["Key"].count("/") == 2 and item["Key"].endswith("/_SUCCESS")]
    s3.delete_object(Bucket=bucket, Key=marker)
    yield
    s3.put_object(Bucket=bucket, Key=marker, Body=b"")


def jobspec_changed(change: Callable[[dict[str, Any]], dict[str, Any] | None], job: str) -> Any:
    """Return a breakage that replaces the item of a JobSpec, or deletes it."""

    @contextmanager
    def broken(stack: Checked) -> Iterator[None]:
        key = {"project_name": NAME, "job_name_version": f"{job}#v1"}
        before = stack.jobspecs.get_item(Key=key)["Item"]
        changed = change(json.loads(json.dumps(before, default=float)))
        if changed is None:
            stack.jobspecs.delete_item(Key=key)
        else:
            stack.jobspecs.put_item(Item=changed)
        yield
        stack.jobspecs.put_item(Item=before)

    return broken


def with_input(name: str, uri: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda item: {**item, "spec": {**item["spec"], "inputs": {**item["spec"]["inputs"], name: uri}}}


@contextmanager
def traffic_deleted(stack: Checked) -> Iterator[None]:
    stack.client("s3").delete_object(Bucket=stack.deployment.data_bucket, Key=stack.delivered)
    yield
    stack.deliver()


@contextmanager
def permission_removed(stack: Checked) -> Iterator[None]:
    roles = Roles(stack.client("iam"), stack.client("cloudformation"), NAME)
    (publish,) = (each for each in roles.statements() if str(each) == "PipelineRole.PublishData")
    with roles.without(publish):
        yield


@contextmanager
def secret_deleted(stack: Checked) -> Iterator[None]:
    secrets, arn = stack.client("secretsmanager"), stack.deployment.secret_arn
    secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    yield
    secrets.restore_secret(SecretId=arn)


def schedules_set(stack: Checked, state: str, *logical_ids: str) -> None:
    """Enable or disable schedules as a person does in the console."""
    scheduler = stack.client("scheduler")
    for logical_id in logical_ids:
        described = scheduler.get_schedule(Name=stack.resource(logical_id))
        kept = ("Name", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")
        scheduler.update_schedule(**{name: described[name] for name in kept}, State=state)


@contextmanager
def one_schedule_enabled(stack: Checked) -> Iterator[None]:
    schedules_set(stack, "ENABLED", "WeeklySchedule")
    yield
    schedules_set(stack, "DISABLED", "WeeklySchedule")


@contextmanager
def execution_failed(stack: Checked) -> Iterator[None]:
    assert stack.run("baselines", {"project_name": "absent"})["status"] == "FAILED"
    yield
    assert stack.run("baselines", {"dry_run": True})["status"] == "SUCCEEDED"


@contextmanager
def alarm_raised(stack: Checked) -> Iterator[None]:
    name = stack.resource("QuarantineAlarm")
    stack.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by a test")
    yield
    stack.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="OK", StateReason="by a test")


@contextmanager
def dead_letter_sent(stack: Checked) -> Iterator[None]:
    url = stack.deployment.outputs["ScheduleDeadLettersUrl"]
    stack.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    yield
    stack.client("sqs").purge_queue(QueueUrl=url)


Breakage = Callable[[Checked], AbstractContextManager[None]]
