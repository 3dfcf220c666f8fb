"""How a task of a machine is ended, against Step Functions' service model."""

from __future__ import annotations

import boto3
from botocore.stub import Stubber

from ndr.contract.errors import InsufficientHistoryError, PipelineFailedError
from ndr.planner.failure import CAUSE_LIMIT, end_task, named_error


def test_a_task_fails_with_its_name_and_sentence_or_succeeds() -> None:
    client = boto3.client("stepfunctions", region_name="eu-west-1")
    with Stubber(client) as stub:
        failed = {"taskToken": "t", "error": "PipelineFailedError", "cause": "It failed."}
        stub.add_response("send_task_failure", {}, failed)
        stub.add_response("send_task_success", {}, {"taskToken": "t", "output": "{}"})
        end_task(client, "t", ("PipelineFailedError", "It failed."))
        end_task(client, "t", None)
        stub.assert_no_pending_responses()


def test_a_longer_name_or_cause_than_step_functions_takes_is_cut() -> None:
    client = boto3.client("stepfunctions", region_name="eu-west-1")
    with Stubber(client) as stub:
        stub.add_response("send_task_failure", {}, {"taskToken": "t", "error": "e" * 256, "cause": "c" * CAUSE_LIMIT})
        end_task(client, "t", ("e" * 300, "c" * 40_000))


def test_a_name_that_the_contract_knows_is_raised_as_its_class() -> None:
    assert isinstance(named_error("InsufficientHistoryError", "why"), InsufficientHistoryError)
    other = named_error("KeyError", "why")
    assert isinstance(other, PipelineFailedError)
    assert str(other) == "KeyError: why"
