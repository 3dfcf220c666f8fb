"""The real `sam build` and `sam deploy`, and what was deployed, at work."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from ministack_sagemaker.deploy import deploy
from ministack_sagemaker.errors import AccountError
from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import JOBS_ROLE, STATES_ROLE

TEMPLATE = Path(__file__).parent / "stack" / "template.yaml"


@pytest.fixture(scope="module")
def stack(account: Account) -> dict[str, str]:
    return deploy(account, TEMPLATE, "small", {"Project": "red", "Note": ""})


def register(account: Account, script: str) -> str:
    bucket, name = f"code-{uuid.uuid4().hex[:12]}", f"p-{uuid.uuid4().hex[:10]}"
    s3 = account.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="run.py", Body=script.encode())
    step = {
        "Name": "Only",
        "Type": "Processing",
        "Arguments": {
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
            },
            "AppSpecification": {
                "ImageUri": "image",
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/run.py"],
                "ContainerArguments": [{"Get": "Parameters.Project"}],
            },
            "ProcessingInputs": [
                {
                    "InputName": "code",
                    "S3Input": {
                        "S3Uri": f"s3://{bucket}/run.py",
                        "LocalPath": "/opt/ml/processing/input/code",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                }
            ],
        },
    }
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Project", "Type": "String", "EnumValues": ["red"]}],
        "Steps": [step],
    }
    account.client("sagemaker").create_pipeline(
        PipelineName=name,
        PipelineDefinition=json.dumps(definition),
        RoleArn=JOBS_ROLE,
    )
    return name


def execute(account: Account, machine: str, request: dict[str, Any]) -> dict[str, Any]:
    states = account.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine, input=json.dumps(request))["executionArn"]
    deadline = time.monotonic() + 30
    while (described := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert described["status"] == "SUCCEEDED", described
    return json.loads(described["output"])


def test_image_function_runs_without_docker(account: Account, stack: dict[str, str]) -> None:
    invoked = account.client("lambda").invoke(FunctionName=stack["CountName"], Payload=b'{"rows": 1234}')
    assert json.loads(invoked["Payload"].read()) == {"counted": 1234}
    configuration = account.client("lambda").get_function_configuration(FunctionName=stack["CountName"])
    table = configuration["Environment"]["Variables"]["TABLE"]
    assert configuration["MemorySize"] == 512
    item = account.client("dynamodb").get_item(TableName=table, Key={"id": {"S": "red"}})["Item"]
    assert item["rows"] == {"N": "1234"}


def test_machine_runs_a_pipeline_through_another_machine(account: Account, stack: dict[str, str]) -> None:
    pipeline = register(account, "import sys; print(sys.argv)")
    output = execute(account, stack["ParentArn"], {"pipeline": pipeline})
    assert output["answer"] == 42
    run = output["run"]
    assert run["status"] == "Succeeded"
    assert run["steps"] == ["Only"]
    assert run["job"].startswith("arn:aws:sagemaker:us-east-1:123456789012:processing-job/pipelines-")
    assert run["created"].endswith("Z")  # Step Functions writes times as text


def test_a_functions_error_is_caught_by_its_class_name(account: Account, stack: dict[str, str]) -> None:
    refused = execute(account, stack["ParentArn"], {"pipeline": ""})["refused"]
    assert refused["Error"] == "InvalidRequestError"
    cause = json.loads(refused["Cause"])
    assert cause["errorMessage"] == "pipeline is empty; name one."
    assert "raise InvalidRequestError" in "".join(cause["stackTrace"])


@pytest.mark.parametrize(
    ("action", "arguments", "error"),
    [
        (
            "sagemaker:describePipeline",
            {"PipelineName": "absent"},
            "SageMaker.ResourceNotFoundException",
        ),
        (
            "sagemaker:startPipelineExecution",
            {"PipelineName": "absent", "ClientRequestToken": "short"},
            "SageMaker.SageMakerException",
        ),
        ("redshiftdata:describeStatement", {"Id": "absent"}, "RedshiftData.ValidationException"),
        (
            "redshiftdata:describeStatement",
            {"Id": "00000000-0000-0000-0000-000000000000"},
            "RedshiftData.ResourceNotFoundException",
        ),
    ],
)
def test_errors_have_the_names_that_step_functions_gives_them(
    account: Account, stack: dict[str, str], action: str, arguments: dict[str, str], error: str
) -> None:
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": f"arn:aws:states:::aws-sdk:{action}",
                "Arguments": arguments,
                "Catch": [{"ErrorEquals": [error], "Output": "{% $states.errorOutput %}", "Next": "Caught"}],
                "Next": "Caught",
            },
            "Caught": {"Type": "Pass", "End": True},
        },
    }
    machine = account.client("stepfunctions").create_state_machine(
        name=f"m-{uuid.uuid4().hex[:10]}",
        definition=json.dumps(definition),
        roleArn=STATES_ROLE,
    )["stateMachineArn"]
    assert execute(account, machine, {})["Error"] == error


def waiting_machine(account: Account, function: str, role: str, **payload: Any) -> str:
    """A machine whose task calls a function and waits for its token, and whose end has the error."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "TimeoutSeconds": 60,
        "Arguments": {"FunctionName": function, "Payload": {**payload, "token": "{% $states.context.Task.Token %}"}},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}],
        "End": True,
    }
    states = {"Call": task, "Caught": {"Type": "Pass", "End": True}}
    created = account.client("stepfunctions").create_state_machine(
        name=f"m-{uuid.uuid4().hex[:10]}",
        definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "Call", "States": states}),
        roleArn=role,
    )
    return str(created["stateMachineArn"])


def test_a_task_that_waits_for_its_token_fails_when_its_function_fails(account: Account, stack: dict[str, str]) -> None:
    machine = waiting_machine(account, stack["PlanName"], STATES_ROLE, pipeline="")
    assert execute(account, machine, {})["Error"] == "InvalidRequestError"


def test_a_task_that_waits_for_its_token_needs_the_permission_of_its_call(
    account: Account, stack: dict[str, str]
) -> None:
    trusted = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = account.client("iam").create_role(RoleName="calls-nothing", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    refused = execute(account, waiting_machine(account, stack["PlanName"], role, pipeline="p"), {})
    assert refused["Error"] == "Lambda.AWSLambdaException"
    assert "lambda:InvokeFunction" in refused["Cause"]


def test_deploying_again_changes_nothing(account: Account, stack: dict[str, str]) -> None:
    assert deploy(account, TEMPLATE, "small", {"Project": "red", "Note": ""}) == stack


def test_an_empty_parameter_is_empty_and_not_its_default(account: Account, stack: dict[str, str]) -> None:
    (described,) = account.client("cloudformation").describe_stacks(StackName="small")["Stacks"]
    given = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
    assert given == {"Project": "red", "Note": ""}


def test_missing_template_is_named(account: Account, tmp_path: Path) -> None:
    with pytest.raises(AccountError, match="nowhere.yaml does not exist"):
        deploy(account, tmp_path / "nowhere.yaml", "none")


def test_failure_says_what_sam_said(account: Account, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources:\n"
        "  F:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: absent/, Handler: app.handler, Runtime: python3.11}\n"
    )
    with pytest.raises(AccountError, match="refers to a file or folder that does not exist"):
        deploy(account, template, "none")
