"""The stack's custom resource: a deploy ends with the pipelines registered, or fails; a delete keeps what has run."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sam import page
from tests.statemachines.aws_command import run
from tests.statemachines.jobspecs import put_documents

from ministack_sagemaker.deploy import deploy
from ministack_sagemaker.faults import inject
from ministack_sagemaker.lifecycle import Account, AccountError
from ministack_sagemaker.testing import fast_account
from ndr.contract.pipelines import COMPACTION_PIPELINE, FG_B_PIPELINE, INVENTORY_PIPELINE, MINI_BATCH_PIPELINE

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
PIPELINES = {COMPACTION_PIPELINE, FG_B_PIPELINE, INVENTORY_PIPELINE, MINI_BATCH_PIPELINE}
STACK = "registering"
DEPLOY_PAGE = TEMPLATE.parent / "docs" / "deploy.md"


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of its own: the pipelines of other tests have the same names."""
    with fast_account(tmp_path_factory.mktemp("registering_account")) as account:
        yield account


@pytest.fixture(scope="module")
def stack(account: Account) -> dict[str, str]:
    return deploy(account, TEMPLATE, STACK)


def registered(account: Account) -> set[str]:
    return {each["PipelineName"] for each in account.client("sagemaker").list_pipelines()["PipelineSummaries"]}


def default_image(account: Account, pipeline: str) -> str:
    described = account.client("sagemaker").describe_pipeline(PipelineName=pipeline)
    parameters = json.loads(described["PipelineDefinition"])["Parameters"]
    (image,) = [item["DefaultValue"] for item in parameters if item["Name"] in ("ProcessingImageUri", "ImageUri")]
    return str(image)


def last_deploy(account: Account) -> str:
    return (account.directory / "deploy.log").read_text().rpartition("$ sam deploy")[2]


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
        deploy(account, TEMPLATE, STACK, {"ProcessingImageUri": "registry/refused:1"})
    formation = account.client("cloudformation")
    failed = [
        event["ResourceStatusReason"]
        for event in formation.describe_stack_events(StackName=STACK)["StackEvents"]
        if (event["LogicalResourceId"], event["ResourceStatus"]) == ("RegisteredPipelines", "UPDATE_FAILED")
    ]
    assert len(failed) == 1
    assert re.search("AccessDeniedException.* UpdatePipeline operation: Injected by a test", failed[0])
    (state,) = formation.describe_stacks(StackName=STACK)["Stacks"]
    assert state["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert default_image(account, FG_B_PIPELINE) == before


def test_what_the_definitions_follow_from_is_registered_anew(account: Account, stack: dict[str, str]) -> None:
    deploy(account, TEMPLATE, STACK, {"ProcessingImageUri": "registry/jobs:2"})
    assert {default_image(account, pipeline) for pipeline in PIPELINES} == {"registry/jobs:2"}


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
    put_documents(account, stack["JobSpecTableName"], "ndr-prod")
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


def test_deleting_the_stack_leaves_what_has_run_and_says_so(account: Account, stack: dict[str, str]) -> None:
    sagemaker, formation = account.client("sagemaker"), account.client("cloudformation")
    parameters = [{"Name": "ReferenceMonthIso", "Value": "2026-01"}]
    sagemaker.start_pipeline_execution(PipelineName=INVENTORY_PIPELINE, PipelineParameters=parameters)
    function = account.client("lambda").get_function_configuration(FunctionName=stack["UpsertPipelinesFunctionName"])
    formation.delete_stack(StackName=STACK)
    formation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    assert registered(account) == {INVENTORY_PIPELINE}
    logged = account.client("logs").filter_log_events(logGroupName=function["LoggingConfig"]["LogGroup"])["events"]
    (said,) = [event["message"] for event in logged if "has executions" in event["message"]]
    assert f"aws sagemaker delete-pipeline --pipeline-name {INVENTORY_PIPELINE}" in said
