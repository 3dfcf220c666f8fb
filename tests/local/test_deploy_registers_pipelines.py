"""The stack's custom resource: a deploy ends with the pipelines registered, or fails; a delete keeps what has run."""

from __future__ import annotations

import json
import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.sam import page
from tests.statemachines.aws_command import run
from tests.statemachines.jobspecs import put_documents

from ministack_sagemaker.deploy import deploy
from ministack_sagemaker.faults import inject
from ministack_sagemaker.lifecycle import Account, AccountError
from ministack_sagemaker.registry import register_image
from ministack_sagemaker.testing import fast_account
from ndr.contract.errors import InvalidRequestError
from ndr.contract.pipelines import FG_B_PIPELINE, INVENTORY_PIPELINE, PIPELINE_NAMES
from ndr.local.deployment.create import IMAGE
from ndr.pipeline.registry.registration import register_pipelines
from ndr.pipeline.registry.removal import remove_pipelines

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
PIPELINES = set(PIPELINE_NAMES)
STACK = "registering"
DEPLOY_PAGE = TEMPLATE.parent / "docs" / "deploy.md"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of its own: the pipelines of other tests have the same names."""
    with fast_account(tmp_path_factory.mktemp("registering_account")) as account:
        for image in (IMAGE, "jobs:1", "jobs:2"):
            register_image(account, image)
        yield account


@pytest.fixture(scope="module")
def stack(account: Account) -> dict[str, str]:
    return deploy(account, TEMPLATE, STACK)


def in_registry(account: Account, image: str) -> str:
    return f"{account.account_id}.dkr.ecr.{account.region}.amazonaws.com/{image}"


def reason_of_failure(account: Account) -> str:
    """Why the registration failed in the last deploy, by CloudFormation's events, newest first."""
    reasons = [
        event["ResourceStatusReason"]
        for event in account.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
        if (event["LogicalResourceId"], event["ResourceStatus"]) == ("RegisteredPipelines", "UPDATE_FAILED")
    ]
    return str(reasons[0])


def registered(account: Account) -> set[str]:
    return {each["PipelineName"] for each in account.client("sagemaker").list_pipelines()["PipelineSummaries"]}


def default_image(account: Account, pipeline: str) -> str:
    described = account.client("sagemaker").describe_pipeline(PipelineName=pipeline)
    parameters = json.loads(described["PipelineDefinition"])["Parameters"]
    (image,) = [item["DefaultValue"] for item in parameters if item["Name"] in ("ProcessingImageUri", "ImageUri")]
    return str(image)


def last_deploy(account: Account) -> str:
    return (account.directory / "deploy.log").read_text().rpartition("$ sam deploy")[2]


STACKS = ("first", "second")
ORDER = random.Random(2188).choices([(stack, act) for stack in STACKS for act in ("deploy", "delete")], k=12)
"""Deploys, updates (a deploy of what is there) and deletions of two stacks, so that each meets each state."""


def pipeline_owner(account: Account, name: str) -> str | None:
    """Return the stack whose tag a pipeline has; None without the pipeline."""
    sagemaker = account.client("sagemaker")
    try:
        arn = sagemaker.describe_pipeline(PipelineName=name)["PipelineArn"]
    except sagemaker.exceptions.ResourceNotFound:
        return None
    return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}["ndr:stack"]


@dataclass(frozen=True)
class Neighbour:
    """One of two stacks of an account: its name, and what the names of its pipelines end with."""

    account: Account
    stack: str
    suffix: str

    @property
    def pipeline(self) -> str:
        return f"{INVENTORY_PIPELINE}{self.suffix}"

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.account.account_id}:role/{self.stack}"

    def deploy(self) -> None:
        asked = {"names": [INVENTORY_PIPELINE], "stack_name": self.stack, "suffix": self.suffix}
        register_pipelines(self.role, self.account.region, "two-stacks", **asked)

    def delete(self) -> str:
        removals = remove_pipelines(self.role, self.account.region, self.suffix)
        return {each.name: each.outcome for each in removals}[self.pipeline]


@pytest.fixture(scope="module")
def two_roles(account: Account) -> None:
    """A role for the pipelines of each stack, and a bucket for their code."""
    trusted = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    for stack in STACKS:
        account.client("iam").create_role(RoleName=stack, AssumeRolePolicyDocument=trust)
    account.client("s3").create_bucket(Bucket="two-stacks")


@pytest.mark.usefixtures("two_roles")
@pytest.mark.parametrize("suffixes", [("", "-b"), ("-c", "-c")])
def test_two_stacks_in_any_order_leave_each_others_pipelines_alone(
    account: Account, suffixes: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    neighbours = {stack: Neighbour(account, stack, suffix) for stack, suffix in zip(STACKS, suffixes, strict=True)}
    owners: dict[str, str] = {}
    seen = set()
    for stack, act in ORDER:
        neighbour = neighbours[stack]
        name, owner = neighbour.pipeline, owners.get(neighbour.pipeline)
        seen.add((stack, act, owner))
        if act == "deploy" and owner in (None, stack):
            neighbour.deploy()
            owners[name] = stack
        elif act == "deploy":
            with pytest.raises(
                InvalidRequestError, match=f"is the stack '{owner}''s, .*delete-pipeline --pipeline-name {name}"
            ):
                neighbour.deploy()
        elif owner in (None, stack):
            assert neighbour.delete() == ("deleted" if owner else "absent")
            owners.pop(name, None)
        else:
            assert neighbour.delete().startswith(f"left: it is registered with the role {neighbours[owner].role}")
        for each in neighbours.values():
            assert pipeline_owner(account, each.pipeline) == owners.get(each.pipeline)
    assert len(seen) == (12 if suffixes[0] == suffixes[1] else 8), "each act met each state"
    for name in owners:
        account.client("sagemaker").delete_pipeline(PipelineName=name)


def test_the_deploy_registers_the_pipelines_for_its_role_and_bucket(account: Account, stack: dict[str, str]) -> None:
    assert registered(account) == PIPELINES
    described = account.client("sagemaker").describe_pipeline(PipelineName=FG_B_PIPELINE)
    assert described["RoleArn"] == stack["PipelineRoleArn"]
    assert f"s3://{stack['DataBucketName']}/code/" in described["PipelineDefinition"]


def test_without_a_key_all_is_kept_under_keys_that_aws_owns_or_manages(account: Account, stack: dict[str, str]) -> None:
    s3, sns, sqs = account.client("s3"), account.client("sns"), account.client("sqs")
    encryption = s3.get_bucket_encryption(Bucket=stack["DataBucketName"])["ServerSideEncryptionConfiguration"]
    assert encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    for output in ("JobSpecTableName", "LedgerTableName"):
        described = account.client("dynamodb").describe_table(TableName=stack[output])["Table"]["SSEDescription"]
        assert described["Status"] == "ENABLED"
        assert described["KMSMasterKeyArn"].endswith("alias/aws/dynamodb")
    topic = sns.get_topic_attributes(TopicArn=stack["FailureTopicArn"])["Attributes"]
    assert topic["KmsMasterKeyId"] == "alias/aws/sns"
    queue = sqs.get_queue_attributes(QueueUrl=stack["ScheduleDeadLettersUrl"], AttributeNames=["All"])["Attributes"]
    assert queue["SqsManagedSseEnabled"] == "true"
    definition = account.client("sagemaker").describe_pipeline(PipelineName=FG_B_PIPELINE)["PipelineDefinition"]
    assert "Kms" not in definition
    assert "KMS" not in definition


def test_the_same_template_again_changes_nothing(account: Account, stack: dict[str, str]) -> None:
    before = account.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    assert deploy(account, TEMPLATE, STACK) == stack
    assert "No changes to deploy" in last_deploy(account)
    assert account.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"] == before


def test_a_pipeline_that_cant_be_registered_fails_the_deploy_with_the_reason(
    account: Account, stack: dict[str, str]
) -> None:
    before = default_image(account, FG_B_PIPELINE)
    inject(account.directory, "sagemaker", "UpdatePipeline", "AccessDeniedException", 1)
    with pytest.raises(AccountError, match="Failed to create/update the stack"):
        deploy(account, TEMPLATE, STACK, {"ProcessingImageUri": in_registry(account, "jobs:1")})
    failed = reason_of_failure(account)
    assert re.search("AccessDeniedException.* UpdatePipeline operation: Injected by a test", failed)
    (state,) = account.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert state["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert default_image(account, FG_B_PIPELINE) == before


def test_what_the_definitions_follow_from_is_registered_anew(account: Account, stack: dict[str, str]) -> None:
    image = in_registry(account, "jobs:2")
    network = {"VpcSubnetIds": "subnet-0a,subnet-0b", "VpcSecurityGroupIds": "sg-0c", "VolumeSizeGb": "50"}
    assert "network" not in policies_of(account, "PipelineRole")
    deploy(account, TEMPLATE, STACK, {"ProcessingImageUri": image, "EncryptInterContainerTraffic": "true", **network})
    assert {default_image(account, pipeline) for pipeline in PIPELINES} == {image}
    described = account.client("sagemaker").describe_pipeline(PipelineName=FG_B_PIPELINE)
    (step,) = json.loads(described["PipelineDefinition"])["Steps"]
    assert step["Arguments"]["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"] == 50
    assert step["Arguments"]["NetworkConfig"] == {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": True,
        "VpcConfig": {"SecurityGroupIds": ["sg-0c"], "Subnets": ["subnet-0a", "subnet-0b"]},
    }
    assert "network" in policies_of(account, "PipelineRole")


def policies_of(account: Account, role: str) -> list[str]:
    """The names of the inline policies of a role of the stack."""
    found = account.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=role)
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    return list(account.client("iam").list_role_policies(RoleName=name)["PolicyNames"])


def failed_with(account: Account, resource: str) -> str:
    """The reason of a resource's last failed update."""
    events = account.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
    reasons = [
        event["ResourceStatusReason"]
        for event in events
        if (event["LogicalResourceId"], event["ResourceStatus"]) == (resource, "UPDATE_FAILED")
    ]
    return str(reasons[0])


def planned(account: Account, machine: str) -> str:
    """What the machine's alias plans for the last batch at 12:10, as a schedule asks for it; starts nothing."""
    states = account.client("stepfunctions")
    request = {"scheduled_time": "2026-01-05T12:10:00Z", "dry_run": True}
    arn = states.start_execution(stateMachineArn=f"{machine}:live", input=json.dumps(request))["executionArn"]
    patience = time.monotonic() + 60
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < patience
        time.sleep(0.05)
    assert found["status"] == "SUCCEEDED", found.get("cause")
    return str(json.loads(found["output"])["parameters"]["MiniBatchId"])


def test_a_plan_run_with_a_bug_fails_the_deploy_and_the_old_release_goes_on(
    account: Account, stack: dict[str, str], tmp_path: Path
) -> None:
    put_documents(account, stack["JobSpecTableName"], "ndr-prod", bucket=stack["DataBucketName"])
    machine = stack["MiniBatchMachineArn"]
    before = planned(account, machine)
    release = release_with(tmp_path, "lambdas/plan_run/app.py", "    asked = parse(", "    asked = events.parse(")
    with pytest.raises(AccountError, match="Failed to create/update the stack"):
        deploy(account, release, STACK)
    reason = failed_with(account, "SmokeTest")
    assert re.search("SmokeTestError: .* failed to plan mini_batch: NameError: name 'events' is not defined", reason)
    (state,) = account.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert state["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert planned(account, machine) == before


def release_with(folder: Path, file: str, found: str, replacement: str) -> Path:
    """A copy of the sources that differs in a word of one file; return its template."""
    for name in ("lambdas", "contract", "pipeline_defs", "spark_jobs", "statemachines"):
        shutil.copytree(TEMPLATE.parent / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TEMPLATE, folder)
    text = (folder / file).read_text()
    assert found in text
    (folder / file).write_text(text.replace(found, replacement))
    return folder / TEMPLATE.name


def test_the_pages_two_commands_go_back_to_the_release_before(account: Account, stack: dict[str, str]) -> None:
    """The versions of the functions go back with the machines that call them."""
    put_documents(account, stack["JobSpecTableName"], "ndr-prod", bucket=stack["DataBucketName"])
    states = account.client("stepfunctions")
    machines = [stack[name] for name in ("BaselinesMachineArn", "MiniBatchMachineArn")]
    before = planned(account, stack["MiniBatchMachineArn"])

    def live() -> list[str]:
        described = [states.describe_state_machine_alias(stateMachineAliasArn=f"{arn}:live") for arn in machines]
        return [each["routingConfiguration"][0]["stateMachineVersionArn"] for each in described]

    earlier = live()
    deploy(account, TEMPLATE, STACK, {"SettleMinutes": "15"})
    assert not set(live()) & set(earlier)
    assert planned(account, stack["MiniBatchMachineArn"]) != before
    commands = page.commands("aws", "stepfunctions", "update-state-machine-alias", of=DEPLOY_PAGE)
    assert len(commands) == 2
    version = {arn.rpartition(":")[0]: arn.rpartition(":")[2] for arn in earlier}
    for words in commands:
        filled = [re.sub(r"<(\w+Arn)>", lambda name: stack[name[1]], word) for word in words]
        (machine,) = [arn for arn in machines if f"{arn}:live" in filled]
        run(account, [word.replace("<version>", version[machine]) for word in filled])
    assert live() == earlier
    assert planned(account, stack["MiniBatchMachineArn"]) == before


def test_a_deploy_without_the_image_of_the_jobs_fails_with_the_commands_that_build_it(
    account: Account, stack: dict[str, str]
) -> None:
    absent = in_registry(account, "jobs:3")
    with pytest.raises(AccountError, match="Failed to create/update the stack"):
        deploy(account, TEMPLATE, STACK, {"ProcessingImageUri": absent})
    reason = reason_of_failure(account)
    assert f"the image {absent} does not exist" in reason
    assert "docker build --platform linux/amd64 --provenance=false -f spark_jobs/Dockerfile --target local" in reason
    assert f"docker push {absent}" in reason
    assert absent not in default_image(account, FG_B_PIPELINE)


def test_an_update_to_other_names_removes_those_that_have_not_run(account: Account, stack: dict[str, str]) -> None:
    deploy(account, TEMPLATE, STACK, {"PipelineNameSuffix": "-own"})
    assert registered(account) == {f"{name}-own" for name in PIPELINES}


def test_a_second_stack_has_pipelines_beside_them_and_uses_a_bucket_that_is_there(account: Account) -> None:
    s3, formation = account.client("s3"), account.client("cloudformation")
    s3.create_bucket(Bucket="already-there")
    outputs = deploy(account, TEMPLATE, "neighbour", {"ExistingDataBucket": "already-there"})
    assert registered(account) == PIPELINES | {f"{name}-own" for name in PIPELINES}
    assert outputs["DataBucketName"] == "already-there"
    described = account.client("sagemaker").describe_pipeline(PipelineName=FG_B_PIPELINE)
    assert "s3://already-there/code/" in described["PipelineDefinition"]
    assert s3.list_objects_v2(Bucket="already-there", Prefix="code/")["KeyCount"]
    resources = formation.describe_stack_resources(StackName="neighbour")["StackResources"]
    assert not [each for each in resources if each["ResourceType"].startswith("AWS::S3::")]


def test_deleting_the_stack_leaves_what_has_run_and_the_neighbours_and_says_so(
    account: Account, stack: dict[str, str]
) -> None:
    sagemaker, formation = account.client("sagemaker"), account.client("cloudformation")
    parameters = [{"Name": "ReferenceMonthIso", "Value": "2026-01"}]
    has_run = f"{INVENTORY_PIPELINE}-own"
    sagemaker.start_pipeline_execution(PipelineName=has_run, PipelineParameters=parameters)
    function = account.client("lambda").get_function_configuration(FunctionName=stack["UpsertPipelinesFunctionName"])
    formation.delete_stack(StackName=STACK)
    formation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    assert registered(account) == PIPELINES | {has_run}
    logged = account.client("logs").filter_log_events(logGroupName=function["LoggingConfig"]["LogGroup"])["events"]
    (said,) = [event["message"] for event in logged if "has executions" in event["message"]]
    assert f"aws sagemaker delete-pipeline --pipeline-name {has_run}" in said
