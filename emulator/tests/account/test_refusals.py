"""What AWS refuses by its documentation is refused here, under the same name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import JOBS_ROLE, STATES_ROLE

STATES_API: Final = "https://docs.aws.amazon.com/step-functions/latest/apireference/"
SAGEMAKER_API: Final = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
DYNAMODB_API: Final = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/"
START_EXECUTION: Final = f"StartExecution, Step Functions API Reference ({STATES_API}API_StartExecution.html)"
STOP_EXECUTION: Final = f"StopExecution, Step Functions API Reference ({STATES_API}API_StopExecution.html)"
START_PIPELINE: Final = (
    f"StartPipelineExecution, SageMaker API Reference ({SAGEMAKER_API}API_StartPipelineExecution.html)"
)
CREATE_PIPELINE: Final = f"CreatePipeline, SageMaker API Reference ({SAGEMAKER_API}API_CreatePipeline.html)"
PUT_ITEM: Final = f"PutItem, DynamoDB API Reference ({DYNAMODB_API}API_PutItem.html)"
TRANSACTION: Final = f"TransactWriteItems, DynamoDB API Reference ({DYNAMODB_API}API_TransactWriteItems.html)"
PUBLISH: Final = "Publish, SNS API Reference (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html)"
SCHEDULES: Final = (
    "CreateSchedule, EventBridge Scheduler API Reference "
    "(https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html)"
)
KEYS: Final = (
    "Naming Amazon S3 objects, S3 User Guide (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html)"
)
EMPTY_VALUES: Final = "aws/sagemaker-python-sdk issue 4016 (https://github.com/aws/sagemaker-python-sdk/issues/4016)"

PASS: Final = {"StartAt": "End", "States": {"End": {"Type": "Pass", "End": True}}}
WAIT: Final = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60_000, "End": True}}}
TOKEN: Final = "a" * 32
PLACES: Final = {
    "pass": "arn:aws:states:us-east-1:123456789012:stateMachine:refusals-pass",
    "wait": "arn:aws:states:us-east-1:123456789012:stateMachine:refusals-wait",
    "topic": "arn:aws:sns:us-east-1:123456789012:refusals",
}
TARGET: Final = {"Arn": PLACES["pass"], "RoleArn": STATES_ROLE, "Input": "{}"}
SCHEDULE: Final = {
    "Name": "refused",
    "ScheduleExpression": "rate(1 day)",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": TARGET,
}
PIPELINE: Final = {
    "PipelineName": "refusals",
    "RoleArn": JOBS_ROLE,
    "ClientRequestToken": TOKEN,
    "PipelineDefinition": json.dumps(
        {
            "Version": "2020-12-01",
            "Parameters": [{"Name": "Project", "Type": "String", "DefaultValue": "red"}],
            "Steps": [{"Name": "Only", "Type": "Processing", "Arguments": {}}],
        }
    ),
}


@dataclass(frozen=True)
class Refused:
    """A call that AWS refuses.

    Attributes
    ----------
    what
        The rule that it breaks, with the source.
    service, operation, arguments
        The call of boto3.
    code
        The error's name.
    message
        Part of its message.
    """

    what: str
    source: str
    service: str
    operation: str
    arguments: dict[str, Any]
    code: str
    message: str


def start(what: str, code: str, message: str, machine: str = "pass", **arguments: Any) -> Refused:
    given = {"stateMachineArn": PLACES[machine], **arguments}
    return Refused(what, START_EXECUTION, "stepfunctions", "start_execution", given, code, message)


def start_pipeline(what: str, message: str, source: str = START_PIPELINE, **arguments: Any) -> Refused:
    given = {"PipelineName": "refusals", "ClientRequestToken": "b" * 32, **arguments}
    return Refused(what, source, "sagemaker", "start_pipeline_execution", given, "ValidationException", message)


def create_pipeline(what: str, message: str, **changed: Any) -> Refused:
    given = {**PIPELINE, "ClientRequestToken": "c" * 32, **changed}
    return Refused(what, CREATE_PIPELINE, "sagemaker", "create_pipeline", given, "ValidationException", message)


def put(what: str, message: str, item: dict[str, Any]) -> Refused:
    given = {"TableName": "refusals", "Item": item}
    return Refused(what, PUT_ITEM, "dynamodb", "put_item", given, "ValidationException", message)


def key(number: int) -> dict[str, dict[str, str]]:
    return {"series": {"S": "a"}, "as_of": {"S": str(number)}}


def publish(what: str, message: str, **arguments: Any) -> Refused:
    given = {"TopicArn": PLACES["topic"], **arguments}
    return Refused(what, PUBLISH, "sns", "publish", given, "InvalidParameter", message)


def schedule(what: str, message: str, **changed: Any) -> Refused:
    given = {**SCHEDULE, **changed}
    return Refused(what, SCHEDULES, "scheduler", "create_schedule", given, "ValidationException", message)


REFUSED: Final = [
    # Step Functions
    start(
        "an input that is not JSON", "InvalidExecutionInput", "Invalid State Machine Execution Input", input="{'a': 1}"
    ),
    start("an empty input", "InvalidExecutionInput", "Invalid State Machine Execution Input", input=""),
    start("NaN, which is not JSON", "InvalidExecutionInput", "'NaN'", input='{"a": NaN}'),
    start("more than 262,144 bytes of input", "ValidationException", "262144", input=f'"{"ä" * 131_072}"'),
    start("a name of more than 80 characters", "ValidationException", "less than or equal to 80", name="n" * 81),
    *(
        start(
            "a character that names cannot have", "InvalidName", f"Invalid Name: 'a{character}b'", name=f"a{character}b"
        )
        for character in " :<*%/\x7f"
    ),
    start(
        "the name of another execution, which has ended", "ExecutionAlreadyExists", "Execution Already", name="ended"
    ),
    start(
        "a running execution's name with another input",
        "ExecutionAlreadyExists",
        "Execution Already Exists",
        "wait",
        name="running",
        input='{"other": true}',
    ),
    Refused(
        "a text that is not an ARN",
        START_EXECUTION,
        "stepfunctions",
        "start_execution",
        {"stateMachineArn": "baselines"},
        "InvalidArn",
        "Invalid Arn: 'baselines'",
    ),
    start(
        "a state machine that does not exist", "StateMachineDoesNotExist", "", stateMachineArn=f"{PLACES['pass']}-not"
    ),
    Refused(
        "a cause of more than 32,768 characters",
        STOP_EXECUTION,
        "stepfunctions",
        "stop_execution",
        {"executionArn": PLACES["wait"].replace("stateMachine", "execution") + ":running", "cause": "c" * 32_769},
        "ValidationException",
        "less than or equal to 32768",
    ),
    # SageMaker Pipelines
    start_pipeline(
        "an empty parameter value",
        '[string "" is too short (length: 0, required minimum: 1)]',
        EMPTY_VALUES,
        PipelineParameters=[{"Name": "Project", "Value": ""}],
    ),
    start_pipeline(
        "a parameter value of more than 1,024 characters",
        "less than or equal to 1024",
        PipelineParameters=[{"Name": "Project", "Value": "v" * 1_025}],
    ),
    start_pipeline(
        "more than 200 parameters",
        "less than or equal to 200",
        PipelineParameters=[{"Name": f"P{number}", "Value": "v"} for number in range(201)],
    ),
    start_pipeline("an unknown parameter", "Unknown parameters", PipelineParameters=[{"Name": "Other", "Value": "v"}]),
    start_pipeline("a token of less than 32 characters", "greater than or equal to 32", ClientRequestToken="a" * 31),
    start_pipeline("a token of more than 128 characters", "less than or equal to 128", ClientRequestToken="a" * 129),
    create_pipeline(
        "a name that another pipeline has", "Pipeline names must be unique within an AWS account and region"
    ),
    create_pipeline("a character that names cannot have", "regular expression", PipelineName="ndr_pipeline"),
    create_pipeline("a role that is not an ARN", "roleArn", PipelineName="other", RoleArn="jobs"),
    # DynamoDB
    put(
        "an empty text as a partition key",
        "empty string value. Key: series",
        {"series": {"S": ""}, "as_of": {"S": "a"}},
    ),
    put("an empty sort key", "empty string value. Key: as_of", {"series": {"S": "a"}, "as_of": {"S": ""}}),
    put("no sort key", "as_of", {"series": {"S": "a"}}),
    put("a key of another type", "Type mismatch for key", {"series": {"S": "a"}, "as_of": {"N": "1"}}),
    put(
        "an item of more than 400 KB",
        "Item size has exceeded the maximum allowed size",
        {"series": {"S": "a"}, "as_of": {"S": "a"}, "text": {"S": "x" * 409_600}},
    ),
    Refused(
        "a transaction of more than 100 items",
        TRANSACTION,
        "dynamodb",
        "transact_write_items",
        {"TransactItems": [{"Delete": {"TableName": "refusals", "Key": key(number)}} for number in range(101)]},
        "ValidationException",
        "less than or equal to 100",
    ),
    Refused(
        "one item twice in a transaction",
        TRANSACTION,
        "dynamodb",
        "transact_write_items",
        {"TransactItems": [{"Delete": {"TableName": "refusals", "Key": key(1)}} for _ in range(2)]},
        "ValidationException",
        "multiple operations on one item",
    ),
    # SNS
    publish("a message of more than 256 KiB", "Message too long", Message="m" * 262_145),
    publish("an empty message", "Empty message", Message=""),
    publish("a subject of more than 100 characters", "Subject", Message="m", Subject="s" * 101),
    publish("a line break in a subject", "Subject", Message="m", Subject="one\ntwo"),
    # EventBridge Scheduler
    schedule("a name with a space", "name", Name="not this"),
    schedule("a name of more than 64 characters", "name", Name="n" * 65),
    schedule("an expression that is none", "Invalid Schedule Expression", ScheduleExpression="every day"),
    schedule("a role that is not an ARN", "roleArn", Target={**TARGET, "RoleArn": "scheduler"}),
    schedule("more than 185 retries", "185", Target={**TARGET, "RetryPolicy": {"MaximumRetryAttempts": 186}}),
    # S3
    Refused(
        "a key of more than 1,024 bytes",
        KEYS,
        "s3",
        "put_object",
        {"Bucket": "refusals", "Key": "k" * 1_025, "Body": b""},
        "KeyTooLongError",
        "too long",
    ),
]


@pytest.fixture(scope="module")
def furnished(account: Account) -> Iterator[Account]:
    """The account with a resource of each kind, an execution that has ended and one that runs."""
    states = account.client("stepfunctions")
    for name, definition in (("pass", PASS), ("wait", WAIT)):
        states.create_state_machine(name=f"refusals-{name}", definition=json.dumps(definition), roleArn=STATES_ROLE)
    states.start_execution(stateMachineArn=PLACES["pass"], name="ended", input="{}")
    running = states.start_execution(stateMachineArn=PLACES["wait"], name="running", input="{}")["executionArn"]
    account.client("sagemaker").create_pipeline(**PIPELINE)
    account.client("dynamodb").create_table(
        TableName="refusals",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("series", "as_of")],
        KeySchema=[{"AttributeName": "series", "KeyType": "HASH"}, {"AttributeName": "as_of", "KeyType": "RANGE"}],
    )
    account.client("sns").create_topic(Name="refusals")
    account.client("s3").create_bucket(Bucket="refusals")
    yield account
    states.stop_execution(executionArn=running)


def unchecked_client(account: Account, service: str) -> Any:
    """Return a client that leaves it to the account to refuse a request."""
    return boto3.session.Session().client(
        service,  # type: ignore[call-overload]
        endpoint_url=account.endpoint_url,
        region_name=account.region,
        aws_access_key_id=account.account_id,
        aws_secret_access_key="test",
        config=Config(parameter_validation=False),
    )


@pytest.mark.parametrize("refused", REFUSED, ids=lambda each: f"{each.service}: {each.what}")
def test_what_aws_refuses_is_refused(furnished: Account, refused: Refused) -> None:
    client = unchecked_client(furnished, refused.service)
    with pytest.raises(ClientError) as error:
        getattr(client, refused.operation)(**refused.arguments)
    assert error.value.response["Error"]["Code"] == refused.code, refused.source
    assert refused.message in error.value.response["Error"]["Message"]


def test_the_same_execution_started_twice_is_one(furnished: Account) -> None:
    """While it runs: a standard workflow's start is idempotent by name and input (StartExecution)."""
    states = furnished.client("stepfunctions")
    same = {"stateMachineArn": PLACES["wait"], "name": "running", "input": "{}"}
    first, again = (states.start_execution(**same) for _ in range(2))
    assert (first["executionArn"], first["startDate"]) == (again["executionArn"], again["startDate"])
    listed = states.list_executions(stateMachineArn=PLACES["wait"])["executions"]
    assert [each["name"] for each in listed] == ["running"]


def test_names_may_have_every_other_character(furnished: Account) -> None:
    states = furnished.client("stepfunctions")
    name = "Run_2026-01-05.(1)+a=b@c!'ü"
    assert states.start_execution(stateMachineArn=PLACES["pass"], name=name)["executionArn"].endswith(f":{name}")
