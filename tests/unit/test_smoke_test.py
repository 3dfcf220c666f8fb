"""The smoke test of a deploy, against Lambda's service model."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

FOLDER = str(Path(__file__).parents[2] / "lambdas" / "upsert_pipelines")
sys.path.insert(0, FOLDER)
from smoke_test import SmokeTestError, goes_back, smoke_test  # type: ignore[import-not-found]  # noqa: E402

sys.path.remove(FOLDER)

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:plan:7"
NOW = datetime(2026, 2, 1, 0, 5, tzinfo=UTC)
PLAN = {"message": "A plan.", "dry_run": True}


def tried(*answers: tuple[dict[str, Any], bool]) -> dict[str, str]:
    """Run the smoke test on a function with these answers; the flag says whether it failed."""
    client = boto3.client("lambda", region_name="eu-west-1")
    with Stubber(client) as stub:
        for payload, failed in answers:
            body = json.dumps(payload).encode()
            answer = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body))}
            error = {"FunctionError": "Unhandled"} if failed else {}
            stub.add_response("invoke", {**answer, **error}, {"FunctionName": FUNCTION, "Payload": ANY})
        said: dict[str, str] = smoke_test(client, FUNCTION, NOW)
        stub.assert_no_pending_responses()
    return said


def test_a_release_plans_for_both_machines() -> None:
    assert tried((PLAN, False), (PLAN, False)) == {"mini_batch": "A plan.", "baselines": "A plan."}


def test_a_project_without_jobspecs_passes_with_the_sentence() -> None:
    refused = {"refused": {"error": "JobSpecNotFoundError", "message": "The table holds no JobSpec."}}
    assert tried((refused, False), (refused, False))["baselines"] == "The table holds no JobSpec."


@pytest.mark.parametrize(
    ("payload", "failed", "words"),
    [
        ({"errorType": "KeyError", "errorMessage": "'x'"}, True, "failed to plan mini_batch: KeyError: 'x'"),
        ({}, True, "no error type: no message"),
        (
            {"refused": {"error": "JobSpecInvalidError", "message": "A rule is broken."}},
            False,
            "refused to plan mini_batch: JobSpecInvalidError: A rule is broken.",
        ),
    ],
)
def test_a_function_that_fails_or_refuses_the_jobspecs_fails_it(
    payload: dict[str, Any], failed: bool, words: str
) -> None:
    with pytest.raises(SmokeTestError) as found:
        tried((payload, failed))
    assert words in str(found.value)
    assert FUNCTION in str(found.value)


@pytest.mark.parametrize(("old", "new", "back"), [(None, 1, False), (9, 10, False), (10, 9, True), (3, 3, False)])
def test_a_rollback_is_told_by_the_versions(old: int | None, new: int, back: bool) -> None:
    event = {"ResourceProperties": {"PlanRunFunction": f"arn:aws:lambda:r:a:function:plan:{new}"}}
    if old is not None:
        event["OldResourceProperties"] = {"PlanRunFunction": f"arn:aws:lambda:r:a:function:plan:{old}"}
    assert goes_back(event) is back
