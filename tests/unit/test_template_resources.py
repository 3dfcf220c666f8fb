from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.statemachines.definition import MACHINES, source
from tests.template import RESOURCES, ROOT, TEMPLATE, of_type, statements_of_roles

from ndr.contract.fifteen_minutes import BATCH_MINUTES, FIFTEEN_MINUTE_PIPELINES, THREE_STEPS
from ndr.contract.time import parse_instant
from ndr.planner.requests import BaselinesRequest, MiniBatchRequest, parse_request


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_is_given_exactly_the_names_that_its_definition_uses(machine: str) -> None:
    (properties,) = [
        item
        for item in of_type("AWS::Serverless::StateMachine").values()
        if item["DefinitionUri"] == f"statemachines/{machine}.asl.json"
    ]
    assert set(properties["DefinitionSubstitutions"]) == set(re.findall(r"\$\{(\w+)\}", source(machine)))
    assert properties["Tracing"] == {"Enabled": True}


def test_every_definition_and_function_of_the_repository_is_deployed() -> None:
    deployed = {item["DefinitionUri"] for item in of_type("AWS::Serverless::StateMachine").values()}
    assert deployed == {f"statemachines/{path.name}" for path in (ROOT / "statemachines").iterdir()}
    for name, item in of_type("AWS::Serverless::Function").items():
        folder = item.get("CodeUri") or str(Path(RESOURCES[name]["Metadata"]["Dockerfile"]).parent)
        assert (ROOT / folder / "app.py").is_file()


def test_data_outlives_the_stack_and_is_kept_safe() -> None:
    for name in ("JobSpecTable", "LedgerTable", "DataBucket"):
        assert (RESOURCES[name]["DeletionPolicy"], RESOURCES[name]["UpdateReplacePolicy"]) == ("Retain", "Retain")
    for table in of_type("AWS::DynamoDB::Table").values():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["SSESpecification"]["SSEEnabled"] is True
    bucket = RESOURCES["DataBucket"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(bucket["PublicAccessBlockConfiguration"].values())


KEYED = {  # the property that names the key, of every type that can be kept under one
    "AWS::DynamoDB::Table": "SSESpecification.KMSMasterKeyId",
    "AWS::S3::Bucket": "BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::Logs::LogGroup": "KmsKeyId",
}


@pytest.mark.parametrize("type_", KEYED)
def test_every_store_takes_the_stacks_key_when_there_is_one(type_: str) -> None:
    stores = of_type(type_)
    assert stores
    for name, properties in stores.items():
        found: Any = properties
        for step in KEYED[type_].split("."):
            found = found[int(step)] if step.isdigit() else found[step]
        condition, keyed, _ = found["Fn::If"]
        assert condition == "HasKmsKey", name
        assert keyed in ({"Ref": "KmsKeyArn"}, {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "KmsKeyArn"}}), (
            name
        )


def test_functions_and_the_pipelines_definitions_take_it_too() -> None:
    assert TEMPLATE["Globals"]["Function"]["KmsKeyArn"]["Fn::If"][:2] == ["HasKmsKey", {"Ref": "KmsKeyArn"}]
    assert RESOURCES["RegisteredPipelines"]["Properties"]["KmsKeyArn"] == {"Ref": "KmsKeyArn"}
    upsert = RESOURCES["UpsertPipelinesFunction"]["Properties"]["Environment"]["Variables"]
    assert upsert["NDR_KMS_KEY_ARN"] == {"Ref": "KmsKeyArn"}


def test_roles_may_use_the_key_only_when_there_is_one() -> None:
    keys = {"HasKmsKey": {"Ref": "KmsKeyArn"}, "HasTrafficKeys": {"Ref": "TrafficKeyArns"}}
    for name, statements in statements_of_roles().items():
        for condition, statement in statements:
            if "kms:" in str(statement["Action"]):
                assert statement["Resource"] == keys[condition], name
                assert statement["Condition"], name


def test_nothing_has_a_physical_name_of_its_own_so_that_two_stacks_fit_in_one_account() -> None:
    names = ("TableName", "FunctionName", "StateMachineName", "RoleName", "TopicName", "QueueName", "Name")
    for logical, item in RESOURCES.items():
        assert not set(names) & set(item["Properties"]), logical


def test_every_schedule_is_in_utc_survives_a_bad_hour_and_loses_nothing() -> None:
    schedules = of_type("AWS::Scheduler::Schedule")
    assert set(schedules) == {
        "MiniBatchSchedule",
        "NightlySchedule",
        "WeeklySchedule",
        "MonthlySchedule",
        "LateSchedule",
    }
    for item in schedules.values():
        assert item["ScheduleExpressionTimezone"] == "UTC"
        assert item["State"] == {"Ref": "ScheduleState"}
        assert item["Target"]["RetryPolicy"]["MaximumRetryAttempts"] >= 5
        assert item["Target"]["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": "ScheduleDeadLetters.Arn"}}


def test_every_schedule_and_event_file_is_a_request_that_is_accepted() -> None:
    now, defaults = parse_instant("2026-05-01T00:30:00Z"), {"project_name": "ndr", "feature_spec_version": "v1"}
    requests = {
        "BaselinesMachine": [
            ROOT / "events" / f"baselines_{name}.json" for name in ("regular", "monthly", "backfill", "late")
        ],
        "MiniBatchMachine": [ROOT / "events" / "mini_batch.json"],
    }
    for machine, model in (("BaselinesMachine", BaselinesRequest), ("MiniBatchMachine", MiniBatchRequest)):
        texts = [
            item["Target"]["Input"].replace("<aws.scheduler.scheduled-time>", "2026-05-01T00:20:00Z")
            for item in of_type("AWS::Scheduler::Schedule").values()
            if item["Target"]["Arn"] == {"Ref": f"{machine}Aliaslive"}
        ]
        for text in [*texts, *(path.read_text() for path in requests[machine])]:
            assert parse_request(model, json.loads(text), now, defaults).project_name == "ndr"


def test_the_functions_dependencies_are_the_projects_own_pins() -> None:
    def pins(path: Path) -> set[str]:
        return set(re.findall(r"^([a-z0-9-]+==\S+)", path.read_text(), flags=re.MULTILINE))

    required = pins(ROOT / "lambdas" / "requirements.txt")
    assert len(required) == 10
    assert required <= pins(ROOT / "requirements" / "project.lock")


def test_no_role_may_do_everything_or_act_on_everything_where_less_will_do() -> None:
    # AWS gives these actions no resource to name.
    without_resource = re.compile(
        r"^(xray:|logs:(\w*LogDelivery|ListLogDeliveries|PutResourcePolicy|DescribeResourcePolicies|DescribeLogGroups)$"
        r"|ecr:GetAuthorizationToken|cloudwatch:PutMetricData|redshift-data:(Describe|Cancel)Statement"
        r"|redshift-data:GetStatementResult|ec2:Describe|states:SendTask(Success|Failure)$)"
    )
    for name, statements in statements_of_roles().items():
        for _, statement in statements:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert all("*" not in action for action in actions), (name, statement["Sid"])
            if statement["Resource"] == "*":
                assert all(without_resource.match(action) for action in actions), (name, statement["Sid"])


def test_arns_hold_in_every_partition_and_name_this_projects_own_pipelines() -> None:
    resources = [
        str(statement["Resource"]) for statements in statements_of_roles().values() for _, statement in statements
    ]
    assert not [each for each in resources if "arn:aws" in each]
    assert not [each for each in resources if ":pipeline/" in each and ":pipeline/ndr-*" not in each]
    assert not [each for each in resources if ":ecr:" in each and "${AWS::AccountId}" not in each]
    text = (ROOT / "template.yaml").read_text()
    assert not re.findall(r"\$\{AWS::Region\}\.amazonaws\.com", text)
    assert [machine for machine in MACHINES if "arn:aws" in source(machine)] == []


def test_a_role_is_passed_by_its_own_arn() -> None:
    passed = [
        (role, statement["Resource"])
        for role, statements in statements_of_roles().items()
        for _, statement in statements
        if statement["Action"] == "iam:PassRole"
    ]
    own = {"Fn::GetAtt": "PipelineRole.Arn"}
    assert sorted(passed) == [("PipelineRole", own), ("UpsertPipelinesRole", own)]
    assert RESOURCES["RegisteredPipelines"]["DependsOn"] == "PassPipelineRole"


def test_what_the_definitions_follow_from_registers_them_anew() -> None:
    environment = RESOURCES["UpsertPipelinesFunction"]["Properties"]["Environment"]["Variables"]
    told = {str(value) for value in RESOURCES["RegisteredPipelines"]["Properties"].values()}
    for name, value in environment.items():
        if name not in ("STACK_NAME", "CHECK_IMAGES", "SPARK_IMAGE_IS_GIVEN", "NDR_SPARK_PROCESSING_IMAGE_URI"):
            assert str(value) in told, name


def test_the_choices_of_the_15_minute_pipeline_are_those_of_the_sources() -> None:
    choice, minutes = (TEMPLATE["Parameters"][name] for name in ("FifteenMinutePipeline", "BatchMinutes"))
    assert (choice["Default"], choice["AllowedValues"]) == (THREE_STEPS, list(FIFTEEN_MINUTE_PIPELINES))
    assert (minutes["Default"], minutes["AllowedValues"]) == (BATCH_MINUTES[0], list(BATCH_MINUTES))
    assert RESOURCES["RegisteredPipelines"]["Properties"]["FifteenMinutePipeline"] == {"Ref": "FifteenMinutePipeline"}


def test_a_schedule_starts_five_minutes_after_each_batch_and_alarms_look_at_several() -> None:
    expression = RESOURCES["MiniBatchSchedule"]["Properties"]["ScheduleExpression"]
    assert expression == {"Fn::FindInMap": ["Batches", {"Ref": "BatchMinutes"}, "Schedule"]}
    names = ("MiniBatchesLateAlarm", "QuarantineAlarm", "TablesBehindAlarm")
    alarm, quarantine, tables = (RESOURCES[name]["Properties"] for name in names)
    for each in (alarm, quarantine, tables):
        assert each["EvaluationPeriods"] == {"Fn::FindInMap": ["Batches", {"Ref": "BatchMinutes"}, "AlarmPeriods"]}
        assert each["Period"] == 900
    assert quarantine["DatapointsToAlarm"] == tables["DatapointsToAlarm"] == 2
    batches = TEMPLATE["Mappings"]["Batches"]
    assert set(batches) == {str(minutes) for minutes in BATCH_MINUTES}
    for minutes, batch in batches.items():
        first, _, step = re.fullmatch(r"cron\((\d+)(/(\d+))? \* \* \* \? \*\)", batch["Schedule"]).groups()  # type: ignore[union-attr]
        assert (int(first), int(step or 60)) == (5, int(minutes))
        assert int(batch["AlarmPeriods"]) * 15 >= 2 * int(minutes)
