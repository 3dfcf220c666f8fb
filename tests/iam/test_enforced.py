"""Everything works on an account that enforces IAM, under a key of its own; `make iam` takes every statement away."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.iam.mutation import FailedOtherwiseError, all_pass, exercised, is_proof, noticed
from tests.iam.roles import Roles, Statement
from tests.iam.scenarios import SCENARIOS, probe
from tests.iam.world import World
from tests.jobs.job_chain import random_flows
from tests.published_events import check_event
from tests.statemachines.jobspecs import documents as jobspecs_of
from typer.testing import CliRunner

from ministack_sagemaker.refusals import Refusal
from ministack_sagemaker.testing import fast_account, queue_of_events, received
from ndr.contract.jobspecs import parse_jobspec, put_jobspec
from ndr.contract.pipelines import FG_B_PIPELINE, INVENTORY_PIPELINE, SCORED_MINI_BATCH_PIPELINE
from ndr.contract.time import SLICE, Interval, floor_to, format_instant, mini_batch_id
from ndr.local.cli import app
from ndr.local.deployment.create import STACK_NAME
from ndr.local.jobspecs import DEMO_FILES, deployed_values


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with fast_account(tmp_path_factory.mktemp("guarded_account")) as account:
        yield World.build(account)


@pytest.fixture(scope="module")
def roles(world: World) -> Roles:
    return Roles(world.client("iam"), world.client("cloudformation"), STACK_NAME)


def test_every_scenario_works_with_the_templates_own_roles(world: World) -> None:
    all_pass(world)


def test_every_role_has_scenarios(roles: Roles) -> None:
    assert {statement.role for statement in roles.statements()} == set(SCENARIOS)


@pytest.mark.parametrize(
    "name",
    [
        "PlanRunRole.ReadTheLedger",
        "PipelineRole.PublishData",
        "PipelineRole.FindTheMachines",
        "PipelineRole.ConnectInstances",
        "PipelineRole.PassThisRoleToThem",
        "PipelineRole.RunStatements",
        "PipelineRole.RegisterTables",
        "PipelineRole.ReadTraffic",
        "PipelineRole.DecryptTraffic",
        "PlanRunRole.ListDeliveries",
        "UpsertPipelinesRole.FindTheImage",
        "RunPipelineRole.RunPipelines",
        "BaselinesRole.Plan",
        "PlanRunRole.UseTheKey",
        "PipelineRole.EncryptVolumes",
    ],
)
def test_without_a_statement_something_fails_for_want_of_it(world: World, roles: Roles, name: str) -> None:
    (statement,) = [each for each in exercised(roles.statements()) if str(each) == name]
    assert noticed(world, roles, statement) is not None


def test_a_failure_for_another_reason_is_no_proof(world: World, roles: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(world: World) -> None:
        raise RuntimeError(f"{world.directory} is full")

    statement = next(each for each in roles.statements() if each.role == "PlanRunRole")
    monkeypatch.setitem(SCENARIOS, "PlanRunRole", (broken,))
    with pytest.raises(FailedOtherwiseError, match="broken, without PlanRunRole.*is full"):
        noticed(world, roles, statement)


def test_a_refusal_to_another_role_or_of_another_action_is_no_proof() -> None:
    statement = Statement("JobRole", "Read", "p", "Allow", ("s3:Get*", "s3:ListBucket"))
    assert is_proof(statement, "ndr-Job", [Refusal("ndr-Job", "s3:GetObject", "*")])
    assert is_proof(statement, "ndr-Job", [Refusal("ndr-Job", "S3:listbucket", "*")])
    assert not is_proof(statement, "ndr-Job", [Refusal("ndr-Plan", "s3:GetObject", "*")])
    assert not is_proof(statement, "ndr-Job", [Refusal("ndr-Job", "s3:PutObject", "*")])
    assert not is_proof(statement, "ndr-Job", [])
    assert is_proof(replace(statement, effect="Deny"), "ndr-Job", [])


def test_without_what_protects_code_and_traffic_a_job_changes_them(world: World, roles: Roles) -> None:
    (statement,) = [each for each in roles.statements() if str(each) == "PipelineRole.KeepCodeAndTraffic"]
    found = noticed(world, roles, statement)
    assert found is not None
    assert found[0] is probe
    world.put(f"s3://{world.deployment.data_bucket}/integration/kept.json", b"kept")


def check_access(world: World, *arguments: str) -> tuple[int, str]:
    """Run `ndr jobspec check --stack`, with the credentials of this process; return its exit code and what it says."""
    ran = CliRunner().invoke(app, ["jobspec", "check", "--stack", STACK_NAME, *arguments])
    return ran.exit_code, f"{ran.output} {ran.exception or ''}"


def test_jobspec_check_tells_what_the_roles_of_a_stack_reach(world: World) -> None:
    code, said = check_access(world)
    assert code == 0, said
    assert "delta_builder reads integration from s3://" in said
    assert "queries cluster ndr-local in us-east-1: PipelineRole may" in said
    assert f"The roles of the stack {STACK_NAME} reach what the JobSpecs name." in said


@pytest.mark.parametrize(
    ("job", "path", "value", "finding"),
    [
        (
            "delta_builder",
            "inputs.integration",
            "s3://corp/zeek/",
            r"PlanRunRole may not \(s3:ListBucket\): add .*bucket corp",
        ),
        (
            "delta_builder",
            "inputs.integration",
            "s3://corp/zeek/",
            r"PipelineRole may not \(s3:ListBucket, s3:GetObject\)",
        ),
        (
            "machine_inventory_unload",
            "output.s3_prefix",
            "s3://${data_bucket}/code/machines/",
            r"may not \(s3:PutObject, s3:DeleteObject\): write to the stack's data bucket .* integration/",
        ),
        ("machine_inventory_unload", "redshift.cluster_identifier", "other", r"cluster other .*RedshiftTargetArn"),
        ("machine_inventory_unload", "redshift.region", "eu-west-1", r"ndr-local in eu-west-1, .*RedshiftTargetArn"),
        (
            "machine_inventory_unload",
            "redshift.secret_arn",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:other",
            r"\(secretsmanager:GetSecretValue\): set the template's RedshiftSecretArn",
        ),
        (
            "fg_b_builder",
            "processing_image_uri",
            "210987654321.dkr.ecr.us-east-1.amazonaws.com/ndr:1",
            r"may not \(ecr:BatchGetImage, ecr:GetDownloadUrlForLayer\): push it to the registry of",
        ),
    ],
)
def test_jobspec_check_names_what_they_do_not_reach(
    world: World, tmp_path: Path, job: str, path: str, value: str, finding: str
) -> None:
    documents = {file.stem: json.loads(file.read_text()) for file in DEMO_FILES}
    *parents, field = path.split(".")
    changed = documents[job]["spec"]
    for parent in parents:
        changed = changed[parent]
    changed[field] = value
    if field == "s3_prefix":
        documents["fg_b_builder"]["spec"]["inputs"]["machine_inventory"] = value
    values = deployed_values(world.deployment, "local")
    text = json.dumps(list(documents.values()))
    for name in ("redshift_role_arn", "engine"):
        text = text.replace(f"${{{name}}}", values[name])
    (tmp_path / "jobspecs.json").write_text(text)
    code, said = check_access(world, str(tmp_path / "jobspecs.json"))
    assert code == 1
    assert re.search(finding, " ".join(said.split())), said


def test_a_schedule_that_is_enabled_before_the_jobspecs_waits_and_sends_no_message(world: World) -> None:
    world.messages()
    for machine in ("mini_batch", "baselines"):
        request = {"project_name": "nobody", "scheduled_time": "2026-01-05T00:30:00Z"}
        ended = world.run_machine(machine, request)
        assert ended["status"] == "SUCCEEDED", ended.get("cause")
        output = json.loads(ended["output"])
        assert output["waits_for"] == "JobSpecs"
        assert "holds no JobSpec of project 'nobody', version 'v1'" in output["message"]
    assert world.messages() == []
    ended = world.run_machine("mini_batch", {"project_name": "nobody"})
    assert (ended["status"], ended["error"]) == ("FAILED", "JobSpecNotFoundError")
    assert len(world.messages()) == 1


def test_traffic_in_a_bucket_that_the_stack_was_not_given_fails_by_name(world: World) -> None:
    for document in jobspecs_of("foreign", bucket=world.deployment.data_bucket):
        if document["job_name"] == "delta_builder":
            document["spec"]["inputs"]["integration"] = "s3://corp-zeek/flows/"
        put_jobspec(world.deployment.table("JobSpecTableName"), parse_jobspec(document))
    ended = world.run_machine("mini_batch", {"project_name": "foreign"})
    assert (ended["status"], ended["error"]) == ("FAILED", "JobSpecInvalidError")
    assert "the ARN of the bucket 'corp-zeek' in TrafficBucketArns" in ended["cause"], ended["cause"]


def resources(world: World, type_: str) -> set[str]:
    """Physical ids of the stack's resources of a type."""
    listed = world.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)["StackResources"]
    return {each["PhysicalResourceId"] for each in listed if each["ResourceType"] == type_}


def keys_by_resource(world: World) -> Iterator[tuple[str, str | None]]:
    """Everything that can be kept under a key, each with its key."""
    client = world.client
    for bucket in resources(world, "AWS::S3::Bucket"):
        (rule,) = client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["BucketKeyEnabled"] is True
        yield bucket, rule["ApplyServerSideEncryptionByDefault"].get("KMSMasterKeyID")
    for table in resources(world, "AWS::DynamoDB::Table"):
        described = client("dynamodb").describe_table(TableName=table)["Table"]["SSEDescription"]
        assert (described["Status"], described["SSEType"]) == ("ENABLED", "KMS")
        yield table, described["KMSMasterKeyArn"]
    for topic in resources(world, "AWS::SNS::Topic"):
        yield topic, client("sns").get_topic_attributes(TopicArn=topic)["Attributes"].get("KmsMasterKeyId")
    for url in resources(world, "AWS::SQS::Queue"):
        attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert "SqsManagedSseEnabled" not in attributes
        yield url, attributes.get("KmsMasterKeyId")
    for group in resources(world, "AWS::Logs::LogGroup"):
        (found,) = client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        yield group, found.get("kmsKeyId")
    for function in resources(world, "AWS::Lambda::Function"):
        yield function, client("lambda").get_function_configuration(FunctionName=function).get("KMSKeyArn")
    for pipeline in (FG_B_PIPELINE, INVENTORY_PIPELINE):
        for step in steps(world, pipeline):
            arguments = step["Arguments"]
            yield f"volumes of {pipeline}", arguments["ProcessingResources"]["ClusterConfig"].get("VolumeKmsKeyId")
            yield f"what {pipeline} names to Redshift", arguments["Environment"].get("NDR_KMS_KEY_ARN")


def steps(world: World, pipeline: str) -> list[dict[str, Any]]:
    described = world.client("sagemaker").describe_pipeline(PipelineName=pipeline)
    return list(json.loads(described["PipelineDefinition"])["Steps"])


def test_everything_is_kept_under_the_key_that_the_stack_was_given(world: World) -> None:
    keys = dict(keys_by_resource(world))
    assert len(keys) == 1 + 2 + 2 + 1 + 4 + 3 + 2 * 2
    assert set(keys.values()) == {world.key}, keys


def test_files_that_arrive_start_one_batch_that_runs_to_its_end_under_the_key_and_is_told_of_once(world: World) -> None:
    """Last in this module, since it puts the real pipeline back."""
    specs, s3, bucket = world.deployment.jobspecs(), world.client("s3"), world.deployment.data_bucket
    registered = world.invoke("UpsertPipelinesFunctionName", {"pipelines": [SCORED_MINI_BATCH_PIPELINE]})["pipelines"]
    assert [each["change"] for each in registered] == ["updated"]
    end = floor_to(datetime.now(UTC), SLICE)
    batch = Interval(end - SLICE, end)
    lines = "".join(json.dumps(flow) + "\n" for flow in random_flows(batch, 40, seed=1))
    folder = specs["delta_builder"].spec.inputs.integration.removeprefix(f"s3://{bucket}/")
    queue = queue_of_events(world.deployment.account, "guarded", {"detail": {"project_name": ["guarded"]}})
    with world.rule_enabled():
        for number in range(3):
            key = f"{folder}{mini_batch_id(batch)}/part-{number}.json"
            s3.put_object(Bucket=bucket, Key=key, Body=lines.encode() if number == 0 else b"")
    outputs = [json.loads(ended["output"]) for ended in world.executions_of_arrivals(mini_batch_id(batch))]
    assert len(outputs) == 3
    assert {output.get("skipped", "ran") for output in outputs} <= {"ran", "waited for", "built"}
    assert len({output["pipeline_execution_arn"] for output in outputs if "skipped" not in output}) == 1
    scheduled = world.run_machine("mini_batch", {"scheduled_time": format_instant(end)})
    assert json.loads(scheduled["output"])["skipped"] == "built"

    events = received(world.deployment.account, queue)
    for event in events:
        check_event(event)
    told = sorted((event["detail-type"], event["detail"]["dataset"]) for event in events)
    features = [("FeaturesPublished", dataset) for dataset in ("deltas", "fg_a", "pair_counts")]
    assert told == [*features, ("FindingsPublished", "fg_c")]

    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    names = [item["Key"] for page in pages for item in page["Contents"]]
    published = {name.split("/")[1] for name in names if name.endswith(".parquet")}
    assert published >= {"deltas", "fg_a", "pair_counts", "fg_c"}
    for name in names:
        head = s3.head_object(Bucket=bucket, Key=name)
        assert head["ServerSideEncryption"] == "aws:kms", name
        assert world.key.endswith(head["SSEKMSKeyId"]), (
            name
        )  # Redshift is told the id alone, which is kept as it is here
