"""The page's `sam remote invoke` commands, on the deployed functions."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from tests.sam import page
from tests.sam.command_line import ROOT, CommandLine

from ministack_sagemaker.lifecycle import Account

INVOKE = ("sam", "remote", "invoke")
README = ROOT / "README.md"
EVENTS = sorted((ROOT / "events").glob("*.json"))
FUNCTIONS = {
    "plan_run": "PlanRunFunctionName",
    "explain_failure": "ExplainFailureFunctionName",
    "upsert_pipelines": "UpsertPipelinesFunctionName",
}


def test_the_page_has_a_command_for_every_function_deployed_and_local() -> None:
    functions = set(
        re.findall(r"^  (\w+):\n    Type: AWS::Serverless::Function$", (ROOT / "template.yaml").read_text(), re.M)
    )
    assert {words[3] for words in page.commands(*INVOKE)} == functions
    assert {words[3] for words in page.commands("sam", "local", "invoke")} == functions


def test_plan_run_plans_a_backfill(project: CommandLine) -> None:
    answer = project.answer(page.command(*INVOKE, "PlanRunFunction"))
    assert (answer["project_name"], answer["mode"], answer["dry_run"]) == ("unlucky", "BACKFILL", True)
    assert answer["baselines"] == 90 + 13  # 7d on every day and 30d on every Monday from January to March 2026
    assert answer["runs"][-1]["parameters"]["BackfillEndTsIso"] == "2026-04-01T00:00:00Z"


def test_explain_failure_names_step_and_reason(project: CommandLine, failed_execution: str) -> None:
    answer = project.answer(page.command(*INVOKE, "ExplainFailureFunction"))
    assert (answer["execution"], answer["status"]) == (failed_execution, "Failed")
    assert (answer["step"], answer["reason"]) == ("OnlyStep", "The project is unlucky.")


def test_upsert_pipelines_shows_what_it_would_change(project: CommandLine) -> None:
    answer = project.answer(page.command(*INVOKE, "UpsertPipelinesFunction"))
    assert answer["dry_run"] is True
    assert {pipeline["change"] for pipeline in answer["pipelines"]} == {"updated"}


def invoked(account: Account, function: str, event: Any) -> dict[str, Any]:
    """The answer of a function, which must not be an error."""
    answer = account.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return dict(payload)


@pytest.mark.parametrize("path", EVENTS, ids=[path.stem for path in EVENTS])
def test_each_sample_event_runs_as_it_is(
    account: Account, outputs: dict[str, str], path: Path, request: pytest.FixtureRequest
) -> None:
    """An event of a function goes to that function. An input of a machine is planned, or run by run_pipeline."""
    event = json.loads(path.read_text())
    function = next((outputs[name] for start, name in FUNCTIONS.items() if path.stem.startswith(start)), None)
    if function:
        assert invoked(account, function, event)
    elif path.stem == "run_pipeline":
        states = account.client("stepfunctions")
        started = states.start_execution(stateMachineArn=outputs["RunPipelineMachineArn"], input=path.read_text())
        patience = time.monotonic() + 60
        while (ended := states.describe_execution(executionArn=started["executionArn"]))["status"] == "RUNNING":
            assert time.monotonic() < patience
            time.sleep(0.1)
        assert ended["status"] == "SUCCEEDED", ended
    else:
        kind = "mini_batch" if path.stem == "mini_batch" else "baselines"
        if path.stem == "baselines_late":  # it looks for late files in the traffic's bucket, which this account lacks
            account.client("s3").create_bucket(Bucket="ndr-data")
            request.addfinalizer(lambda: account.client("s3").delete_bucket(Bucket="ndr-data"))
        planned = {"kind": kind, "request": event, "started_at": "2026-04-02T00:30:00Z"}
        assert "message" in invoked(account, outputs["PlanRunFunctionName"], planned)


def test_a_sample_execution_that_is_not_there_is_answered_with_how_to_find_one(
    account: Account, outputs: dict[str, str]
) -> None:
    event = json.loads((ROOT / "events" / "explain_failure.json").read_text())
    answer = invoked(account, outputs["ExplainFailureFunctionName"], event)
    assert answer["status"] == "NotFound"
    assert "`aws sagemaker list-pipeline-executions --pipeline-name ndr-15m-pipeline` lists" in answer["message"]


def test_the_readme_invokes_a_function_with_an_event(project: CommandLine) -> None:
    (deployed,) = page.commands(*INVOKE, of=README)
    answer = project.answer(deployed)
    assert (answer["mode"], answer["dry_run"], answer["baselines"]) == ("BACKFILL", True, 90 + 13)


def test_the_readmes_local_invocation_is_one_that_the_page_has(project: CommandLine) -> None:
    (local,) = page.commands("sam", "local", "invoke", of=README)
    assert local in page.commands("sam", "local", "invoke")  # which test_local_invoke runs
