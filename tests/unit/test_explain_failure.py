from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from ndr.explanation import explain

EXECUTION = "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/ndr-15m-pipeline/execution/abcdefghijkl"
JOB = "arn:aws:sagemaker:eu-west-1:123456789012:processing-job/pipelines-abc-DeltaBuilderStep-xyz"
STREAM = "pipelines-abc-DeltaBuilderStep-xyz/algo-1-1700000000"


class Account:
    """SageMaker and CloudWatch Logs as AWS would answer, checked against their service models."""

    def __init__(self) -> None:
        self.clients = [boto3.client(name, region_name="eu-west-1") for name in ("sagemaker", "logs")]
        self.sagemaker, self.logs = (Stubber(client) for client in self.clients)
        self.sagemaker.activate()
        self.logs.activate()

    def execution(self, status: str, **more: Any) -> None:
        answer = {
            "PipelineArn": EXECUTION.split("/execution")[0],
            "PipelineExecutionArn": EXECUTION,
            "PipelineExecutionStatus": status,
            **more,
        }
        self.sagemaker.add_response("describe_pipeline_execution", answer, {"PipelineExecutionArn": EXECUTION})

    def steps(self, *pages: list[dict[str, Any]]) -> None:
        for number, page in enumerate(pages):
            answer: dict[str, Any] = {"PipelineExecutionSteps": page}
            expected = {"PipelineExecutionArn": EXECUTION, **({"NextToken": f"page{number}"} if number else {})}
            if number + 1 < len(pages):
                answer["NextToken"] = f"page{number + 1}"
            self.sagemaker.add_response("list_pipeline_execution_steps", answer, expected)

    def job(self, **more: Any) -> None:
        answer = {
            "ProcessingJobName": "pipelines-abc-DeltaBuilderStep-xyz",
            "ProcessingJobArn": JOB,
            "ProcessingJobStatus": "Failed",
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
            },
            "AppSpecification": {"ImageUri": "image"},
            "CreationTime": 0,
            **more,
        }
        self.sagemaker.add_response(
            "describe_processing_job", answer, {"ProcessingJobName": "pipelines-abc-DeltaBuilderStep-xyz"}
        )

    def streams(self, *names: str) -> None:
        self.logs.add_response(
            "describe_log_streams",
            {"logStreams": [{"logStreamName": name} for name in names]},
            {
                "logGroupName": "/aws/sagemaker/ProcessingJobs",
                "logStreamNamePrefix": "pipelines-abc-DeltaBuilderStep-xyz/",
            },
        )

    def explain(self, deadline_seconds: int | None = None) -> dict[str, Any]:
        sagemaker, logs = self.clients
        return explain(sagemaker, logs, EXECUTION, deadline_seconds)  # type: ignore[no-any-return]


@pytest.fixture
def account() -> Iterator[Account]:
    account = Account()
    yield account
    account.sagemaker.assert_no_pending_responses()
    account.logs.assert_no_pending_responses()


def step(name: str, status: str, **more: Any) -> dict[str, Any]:
    return {"StepName": name, "StepStatus": status, **more}


FAILED_STEP = step(
    "DeltaBuilderStep",
    "Failed",
    FailureReason="ClientError: exit code 1",
    Metadata={"ProcessingJob": {"Arn": JOB}},
)


def test_the_failed_step_is_found_on_a_later_page_and_its_job_says_why(account: Account) -> None:
    account.execution("Failed", FailureReason="Step failure")
    account.steps([step("First", "Succeeded")], [FAILED_STEP, step("Last", "Stopped")])
    account.job(ExitMessage="SchemaMismatchError: part-1.json\nhas no column event_end.", FailureReason="exit code 1")
    account.streams(STREAM)
    link = (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/"
        "$252Faws$252Fsagemaker$252FProcessingJobs/log-events/pipelines-abc-DeltaBuilderStep-xyz$252Falgo-1-1700000000"
    )
    assert account.explain() == {
        "pipeline": "ndr-15m-pipeline",
        "execution": EXECUTION,
        "status": "Failed",
        "step": "DeltaBuilderStep",
        "reason": "SchemaMismatchError: part-1.json has no column event_end.",
        "log_url": link,
        "message": "Pipeline ndr-15m-pipeline ended as Failed in step DeltaBuilderStep: SchemaMismatchError: "
        f"part-1.json has no column event_end. Log: {link}",
    }


def test_without_a_stream_the_link_searches_for_it(account: Account) -> None:
    account.execution("Failed")
    account.steps([FAILED_STEP])
    account.job()
    account.streams()
    explained = account.explain()
    assert explained["reason"] == "ClientError: exit code 1"
    assert explained["log_url"].endswith(
        "ProcessingJobs$3FlogStreamNameFilter$3Dpipelines-abc-DeltaBuilderStep-xyz$252F"
    )


def test_a_job_that_can_not_be_read_still_has_a_log(account: Account) -> None:
    account.execution("Failed")
    account.steps([FAILED_STEP])
    account.sagemaker.add_client_error("describe_processing_job", "AccessDeniedException")
    account.logs.add_client_error("describe_log_streams", "ResourceNotFoundException")
    explained = account.explain()
    assert explained["reason"] == "ClientError: exit code 1"
    assert "logStreamNameFilter" in explained["log_url"]


def test_a_failure_before_any_step_points_at_the_execution(account: Account) -> None:
    account.execution("Failed", FailureReason="The role can't be assumed.")
    account.steps([])
    explained = account.explain()
    assert (explained["step"], explained["log_url"]) == (None, None)
    assert explained["message"] == (
        f"Pipeline ndr-15m-pipeline ended as Failed: The role can't be assumed. Execution: {EXECUTION}"
    )


def test_an_overrun_names_the_step_at_work(account: Account) -> None:
    account.execution("Stopping")
    account.steps([step("Done", "Succeeded"), step("FGABuilderStep", "Executing")])
    explained = account.explain(deadline_seconds=3600)
    assert explained["message"] == (
        "Pipeline ndr-15m-pipeline ran longer than 3600 s and was stopped while step FGABuilderStep was running. "
        f"Execution: {EXECUTION}"
    )


def test_an_execution_that_sagemaker_does_not_have_is_answered_with_how_to_find_one(account: Account) -> None:
    account.sagemaker.add_client_error("describe_pipeline_execution", "ResourceNotFound")
    answer = account.explain()
    assert (answer["pipeline"], answer["status"], answer["step"]) == ("ndr-15m-pipeline", "NotFound", None)
    assert "--pipeline-name ndr-15m-pipeline` lists" in answer["message"]


def test_a_refused_description_is_an_error(account: Account) -> None:
    account.sagemaker.add_client_error("describe_pipeline_execution", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        account.explain()
