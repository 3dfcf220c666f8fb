"""The stack's custom resource: a deploy ends with the pipelines registered, or fails; a delete keeps what has run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ministack_sagemaker.deploy import deploy
from ministack_sagemaker.faults import inject
from ministack_sagemaker.lifecycle import Account, AccountError
from ministack_sagemaker.testing import fast_account
from ndr.contract.pipelines import COMPACTION_PIPELINE, FG_B_PIPELINE, INVENTORY_PIPELINE, MINI_BATCH_PIPELINE

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
PIPELINES = {COMPACTION_PIPELINE, FG_B_PIPELINE, INVENTORY_PIPELINE, MINI_BATCH_PIPELINE}
STACK = "registering"


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
