"""Every command of the pages about deployment and operation, against the deployed stack.

Those of docs/lambdas.md are run by tests/sam, those about JobSpecs by tests/local/test_check.py and those about
findings by tests/local/test_docs_findings.py.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.sam import page
from tests.statemachines.aws_command import run
from tests.template import ROOT

from ministack_sagemaker.deploy import sam_path
from ministack_sagemaker.lifecycle import Account
from ndr.local.cli import main
from ndr.local.deployment.deployment import Deployment

DOCS = ROOT / "docs"
PAGES = ("runbook", "backfill", "deploy", "pipelines", "processing_image")
COMMANDS = [(name, words) for name in PAGES for words in page.commands(of=DOCS / f"{name}.md")]
IN_THE_SHELL = {"docker", "for", "done"}
"""Of docs/processing_image.md."""
CLIENT_SIDE = ("ecr", "get-login-password")
"""An operation that the AWS command line has of its own."""


def of(program: str) -> list[Any]:
    return [
        pytest.param(words, id=f"{name}: {' '.join(words[1:3])} {number}")
        for number, (name, words) in enumerate(COMMANDS)
        if words[0] == program and tuple(words[1:3]) != CLIENT_SIDE
    ]


def running(account: Account, machine: str) -> dict[str, str]:
    """Start a machine; return its execution and the pipeline execution that works for it, for the pages' `<...>`."""
    states, sagemaker = account.client("stepfunctions"), account.client("sagemaker")

    def at_work() -> set[str]:
        listed = sagemaker.list_pipeline_executions(PipelineName="ndr-steerable")["PipelineExecutionSummaries"]
        return {one["PipelineExecutionArn"] for one in listed if one["PipelineExecutionStatus"] == "Executing"}

    before = at_work()
    request = {"pipeline_name": "ndr-steerable", "parameters": {"Behaviour": "sleep"}}
    execution = states.start_execution(stateMachineArn=machine, input=json.dumps(request))["executionArn"]
    patience = time.monotonic() + 60
    while not (begun := at_work() - before):
        assert time.monotonic() < patience
        time.sleep(0.05)
    return {"execution": execution, "pipeline_execution": begun.pop()}


def test_the_pages_have_commands_of_programs_that_are_tried_here() -> None:
    assert {name for name, _ in COMMANDS} == set(PAGES)
    programs = {words[0] for _, words in COMMANDS if "=" not in words[0]}
    assert programs == {"aws", "ndr", "sam", *IN_THE_SHELL}
    assert len(COMMANDS) > 20


@pytest.mark.parametrize("words", of("aws"))
def test_an_aws_command_is_accepted(account: Account, stack: dict[str, str], words: list[str]) -> None:
    asks_for_one = any(re.search("<(pipeline_)?execution>", word) for word in words)
    words = [word.replace("ndr-processing", "ndr-processing-again") for word in words]  # which the stack's image is in
    values = {**stack, "Account": account.account_id, "Region": account.region, "Stack": "machines", "version": "1"}
    values |= running(account, stack["RunPipelineMachineArn"]) if asks_for_one else {}
    if words[1] == "logs":  # SageMaker makes the group with the first job that prints something
        logs = account.client("logs")
        with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_group(logGroupName=words[words.index("--log-group-name") + 1])
    filled = [re.sub(r"<(\w+)>", lambda found: values[found[1]], word) for word in words]
    # What came late is looked for in the data's bucket, which only some projects of this stack have.
    filled = [word.replace('{"mode": "LATE"', '{"project_name": "tardy", "mode": "LATE"') for word in filled]
    if "--policy" in filled:
        assert json.loads(filled[filled.index("--policy") + 1])["Version"] == "2012-10-17"
    answer = run(account, filled)
    if asks_for_one and words[2] != "stop-pipeline-execution":  # it would keep a later command's job waiting
        sagemaker = account.client("sagemaker")
        sagemaker.stop_pipeline_execution(
            PipelineExecutionArn=values["pipeline_execution"], ClientRequestToken="s" * 32
        )
    if words[2] == "start-execution":
        states = account.client("stepfunctions")
        patience = time.monotonic() + 60
        while (ended := states.describe_execution(executionArn=answer["executionArn"]))["status"] == "RUNNING":
            assert time.monotonic() < patience
            time.sleep(0.05)
        assert ended["status"] == "SUCCEEDED", ended.get("cause")


@pytest.fixture
def deployment(account: Account, stack: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The stack as what `ndr up` deployed, with the bucket that its project's data would be in."""
    deployed = Deployment(account, stack, "lucky", "v1", secret_arn="none", made_by="up")
    deployed.save()
    monkeypatch.setenv("NDR_HOME", str(account.directory))
    account.client("s3").create_bucket(Bucket="ndr-data")
    yield
    account.client("s3").delete_bucket(Bucket="ndr-data")


@pytest.mark.usefixtures("deployment")
@pytest.mark.parametrize("words", [words for words in of("ndr") if words.id.startswith("backfill")])
def test_an_ndr_command_runs(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code or 0) == 0, capsys.readouterr().err


@pytest.mark.parametrize("subcommand", sorted({words[1] for _, words in COMMANDS if words[0] == "sam"}))
def test_a_sam_command_has_these_options(subcommand: str) -> None:
    ran = subprocess.run([str(sam_path(ROOT)), subcommand, "--help"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    given = {word for _, words in COMMANDS if words[:2] == ["sam", subcommand] for word in words}
    assert all(option in ran.stdout for option in given if option.startswith("--"))


def test_every_alarm_names_a_section_of_the_run_book_and_its_alarm(account: Account, stack: dict[str, str]) -> None:
    text = (DOCS / "runbook.md").read_text()
    sections = {
        heading.lower().replace(" ", "-"): body
        for heading, body in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    }
    template = (ROOT / "template.yaml").read_text()
    alarms = re.findall(
        r"^  (\w+):.*\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n"
        r"      AlarmDescription: .*docs/runbook\.md#([\w-]+)",
        template,
        re.M,
    )
    assert len(alarms) == template.count("Type: AWS::CloudWatch::Alarm\n")
    for alarm, anchor in alarms:
        assert f"`{alarm}`" in sections[anchor], alarm
