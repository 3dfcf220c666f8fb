"""`ndr check` on a deployed stack, as it should be and with each of its parts broken; and what executions of it did."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.local import check_stack as broken
from tests.local.check_stack import NAME, Breakage, Checked, jobs_held, jobspec_changed, schedules_set, with_input
from tests.sam import page
from tests.template import ROOT

from ministack_sagemaker.faults import inject
from ministack_sagemaker.testing import fast_account
from ndr.contract.pipelines import SCORED_MINI_BATCH_PIPELINE
from ndr.contract.time import format_instant
from ndr.local.check.areas import AREAS
from ndr.local.cli import main
from ndr.local.executions.account import ExecutionAccount
from ndr.local.executions.nested import pipelines_of

Ndr = Callable[..., tuple[int, str, str]]
DEPLOY = ROOT / "docs" / "deploy.md"
SCHEDULES = ("MiniBatchSchedule", "NightlySchedule", "WeeklySchedule", "MonthlySchedule", "LateSchedule")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    with fast_account(tmp_path_factory.mktemp("checked_account")) as account:
        yield Checked.build(account)


@pytest.fixture
def ndr(stack: Checked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ndr:
    """Run the command line with the account's settings. Returns exit status, output and errors."""
    for name, value in stack.account.environment().items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ndr", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


def findings(ndr: Ndr) -> tuple[int, list[dict[str, str]]]:
    status, out, _ = ndr("check", "--stack", NAME, "--json")
    return status, json.loads(out)["findings"]


def lines(found: list[dict[str, str]], verdict: str) -> list[tuple[str, str]]:
    return [(each["area"], each["found"]) for each in found if each["verdict"] == verdict]


def test_a_stack_as_it_should_be(ndr: Ndr) -> None:
    status, found = findings(ndr)
    assert status == 0
    assert lines(found, "broken") == lines(found, "not checked") == []
    assert [area for area, _ in lines(found, "warning")] == ["schedules", "features", "features"], found
    assert list(dict.fromkeys(each["area"] for each in found)) == list(AREAS)
    assert all(bool(each["mend"]) == (each["verdict"] != "ok") for each in found)


def test_enabled_schedules_say_when_they_start(stack: Checked, ndr: Ndr) -> None:
    schedules_set(stack, "ENABLED", *SCHEDULES)
    try:
        _, found = findings(ndr)
    finally:
        schedules_set(stack, "DISABLED", *SCHEDULES)
    said = dict(line.split(" ", 1) for area, line in lines(found, "ok") if area == "schedules")
    assert set(said) == set(SCHEDULES)
    assert all("it starts next at 20" in line for line in said.values())


CASES: dict[str, tuple[Breakage, str, str, str]] = {
    "image": (broken.image_deleted, "images", "ndr-processing:latest, of ndr-", "&& docker push "),
    "pipeline deleted": (
        broken.pipeline_deleted, "pipelines", "ndr-machine-inventory-unload is not registered.", "sam remote invoke",
    ),
    "pipeline edited": (
        broken.pipeline_edited, "pipelines",
        "was edited after it was registered: it differs in Steps.FGBaselineBuilderStep.Arguments.StoppingCondition.",
        "Register it again",
    ),
    "code": (broken.code_deleted, "pipelines", "code is not complete at s3://", "UpsertPipelinesFunction"),
    "JobSpec missing": (
        jobspec_changed(lambda item: None, "fg_a_builder"), "JobSpecs",
        "1 JobSpec of project 'checked', version 'v1' is not in the table: fg_a_builder.", "ndr jobspec put PATH",
    ),
    "JobSpec invalid": (
        jobspec_changed(lambda item: {**item, "owner": 7}, "fg_a_builder"), "JobSpecs", "JobSpec fg_a_builder: ",
        "Correct",
    ),
    "JobSpecs at odds": (
        jobspec_changed(with_input("deltas", "s3://elsewhere/v1/deltas/"), "pair_counts_builder"), "JobSpecs",
        "pair_counts_builder reads deltas from s3://elsewhere/", "Correct",
    ),
    "bucket": (
        jobspec_changed(with_input("integration", "s3://elsewhere/integration/"), "delta_builder"), "prefixes",
        "The bucket elsewhere of the JobSpecs does not exist.", "Write prefixes of ",
    ),
    "traffic": (broken.traffic_deleted, "traffic", "is empty", "ndr ingest FOLDER"),
    "permission": (
        broken.permission_removed, "prefixes",
        "fg_a_builder writes fg_a to s3://", "docs/deploy.md#existing-buckets",
    ),
    "secret": (broken.secret_deleted, "secret", "is to be deleted", "aws secretsmanager restore-secret"),
    "schedule": (
        broken.one_schedule_enabled, "schedules", "NightlySchedule is disabled", "ScheduleState=ENABLED",
    ),
    "execution": (
        broken.execution_failed, "executions", "FAILED, JobSpecNotFoundError: ", "start the request again",
    ),
    "alarm": (broken.alarm_raised, "alarms", "QuarantineAlarm is raised: Too many rows", "docs/runbook.md"),
    "dead letter": (broken.dead_letter_sent, "dead letters", "About 1 event of", "aws sqs receive-message"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_broken_part_is_found_with_what_to_type(stack: Checked, ndr: Ndr, case: str) -> None:
    breakage, area, sentence, mend = CASES[case]
    with breakage(stack):
        status, found = findings(ndr)
    assert status == 1
    told = [each for each in found if each["verdict"] == "broken" and sentence in each["found"]]
    assert told, lines(found, "broken")
    assert (told[0]["area"], mend in told[0]["mend"]) == (area, True), told[0]


def test_after_all_repairs_nothing_is_broken(ndr: Ndr) -> None:
    """Each case has repaired what it broke, so that no case stands on another's."""
    status, found = findings(ndr)
    assert (status, lines(found, "broken")) == (0, [])


def test_a_refused_call_is_not_checked_and_the_rest_is(stack: Checked, ndr: Ndr) -> None:
    inject(stack.account.directory, "ecr", "DescribeImages", "AccessDeniedException", 1, "You may not.")
    status, found = findings(ndr)
    assert status == 0
    assert lines(found, "not checked") == [
        ("images", "DescribeImages was refused: AccessDeniedException: You may not.")
    ]
    assert {area for area, _ in lines(found, "ok")} >= {"pipelines", "JobSpecs", "alarms"}


def test_lines_for_a_person(ndr: Ndr) -> None:
    status, out, _ = ndr("check", "--stack", NAME)
    assert status == 0
    assert f"ok           stack         {NAME} in us-east-1 of account 123456789012 is CREATE_COMPLETE." in out
    assert "warning      schedules     None of 5 schedules is enabled: nothing starts by itself.\n" in out
    assert "-> sam deploy --parameter-overrides ScheduleState=ENABLED" in out
    assert out.splitlines()[-1].endswith(" ok, 3 warning.")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--stack", "absent"), "There is no stack 'absent' in region us-east-1. Name one with --stack"),
        (("--stack", NAME, "--region", "eu-west-1"), "There is no stack 'checked' in region eu-west-1."),
        (("--stack", NAME, "--profile", "absent"), "absent"),
        (("--stack", NAME, "--directory", "absent"), "No account was started in"),
    ],
)
def test_a_stack_that_cannot_be_read_is_exit_status_2(ndr: Ndr, arguments: tuple[str, ...], told: str) -> None:
    status, out, err = ndr("check", *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("StackUnreadableError: ")
    assert told in err


def test_refused_credentials_are_exit_status_2(stack: Checked, ndr: Ndr) -> None:
    inject(stack.account.directory, "cloudformation", "DescribeStacks", "AccessDenied", 1, "You may not.")
    status, _, err = ndr("check", "--stack", NAME)
    assert status == 2
    assert "DescribeStacks was refused with AccessDenied: You may not." in err


def test_the_ndr_commands_of_the_page_about_deployment_run(
    stack: Checked, ndr: Ndr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {item["job_name"]: item for item in stack.jobspecs.scan()["Items"]}
    outputs = stack.deployment.outputs
    commands = page.commands("ndr", of=DEPLOY)
    assert [tuple(words[1:3]) for words in commands] == [
        ("jobspec", "init"), ("jobspec", "check"), ("jobspec", "check"), ("jobspec", "put"), ("check", "--stack"),
    ]  # fmt: skip
    try:
        for words in commands:
            given = [NAME if word == "ndr-dev" else word for word in words[1:]]
            filled = [re.sub(r"<(\w+)>", lambda found: outputs[found[1]], word) for word in given]
            status, _, err = ndr(*filled)
            assert status == 0, err
            if words[2] == "init":
                _enter_the_database(tmp_path / "jobspecs" / "machine_inventory_unload.json", before)
    finally:
        for item in before.values():
            stack.jobspecs.put_item(Item=item)


def _enter_the_database(document: Path, known: Mapping[str, Any]) -> None:
    """Enter the connection to Redshift, as a person does."""
    written = json.loads(document.read_text())
    written["spec"]["redshift"] = known["machine_inventory_unload"]["spec"]["redshift"]
    document.write_text(json.dumps(written))


def test_the_page_about_deployment_shows_what_the_check_prints(ndr: Ndr) -> None:
    (shown,) = re.findall(r"```text\n(.*?)```", DEPLOY.read_text(), re.DOTALL)
    columns = re.compile(r"^(ok|warning) +(\S+(?: \S+)?)  +", re.MULTILINE)
    _, out, _ = ndr("check", "--stack", NAME)
    assert list(dict.fromkeys(columns.findall(shown))) == list(dict.fromkeys(columns.findall(out)))


# The commands about executions are below, on the same stack. They come last, because they leave failed ones behind.


@pytest.fixture(scope="module")
def here(stack: Checked) -> str:
    """The folder of the account, as `ndr up` would have left it."""
    stack.deployment.save()
    return str(stack.account.directory)


@pytest.fixture(scope="module")
def failed(stack: Checked) -> str:
    """Name of an execution whose first job refuses to replace published rows with none."""
    stack.client("s3").delete_object(Bucket=stack.deployment.data_bucket, Key=stack.delivered)
    batch = stack.mini_batch
    request = {"batch_start": format_instant(batch.start), "batch_end": format_instant(batch.end)}
    ended = stack.run("mini_batch", request)
    stack.deliver()
    assert ended["status"] == "FAILED", ended
    return str(ended["name"])


def executions(stack: Checked, machine: str) -> list[str]:
    listed = stack.client("stepfunctions").list_executions(stateMachineArn=stack.deployment.machines[machine])
    return [each["executionArn"] for each in listed["executions"]]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("run", "mini-batch", "--start", "2026-01-02", "--end", "2026-01-01"), "batch_start must be before batch_end"),
        (("backfill", "2026-02-01", "2026-01-01"), "start must be before end"),
        (("run", "weekly", "--end", "2026-13-01"), "2026-13-01"),
    ],
)
def test_a_refused_request_starts_nothing(
    stack: Checked, ndr: Ndr, here: str, command: tuple[str, ...], told: str
) -> None:
    before = [executions(stack, machine) for machine in ("mini_batch", "baselines")]
    status, out, err = ndr(*command, "--directory", here)
    assert (status, out) == (1, "")
    assert err.startswith("InvalidRequestError: ")
    assert told in err
    assert [executions(stack, machine) for machine in ("mini_batch", "baselines")] == before


def test_a_dry_run_lists_what_would_be_built_and_starts_nothing(stack: Checked, ndr: Ndr, here: str) -> None:
    before = [executions(stack, machine) for machine in ("mini_batch", "baselines")]
    status, out, _ = ndr("run", "mini-batch", "--dry-run", "--json", "--directory", here)
    document = json.loads(out)
    (batch,) = document["executions"]
    assert status == 0
    assert (batch["builds"], batch["pipeline"]) == ("mini-batch", document["plan"]["pipeline_name"])
    assert batch["to"] > batch["from"]
    status, out, _ = ndr("run", "monthly", "--dry-run", "--directory", here)
    assert status == 0
    assert " machine inventory   -" in out
    assert "insufficient_history" in out[out.index("Left out") :]
    assert [executions(stack, machine) for machine in ("mini_batch", "baselines")] == before


def test_why_names_step_reason_and_log_of_the_last_failure(ndr: Ndr, here: str, failed: str) -> None:
    status, out, _ = ndr("why", "--directory", here)
    assert status == 0
    assert f"mini_batch {failed} ended as FAILED" in out
    assert re.search(r"^  step: +DeltaBuilderStep$", out, re.MULTILINE)
    assert re.search(r"^  reason: +EmptyResultError: ", out, re.MULTILINE)
    (of_the_log,) = re.findall(r"^  log: +ndr logs (\w+) --directory ", out, re.MULTILINE)
    status, lines, _ = ndr("logs", of_the_log, "--step", "DeltaBuilderStep", "--directory", here)
    assert status == 0
    assert "EmptyResultError" in lines
    assert {line.split("  ")[1] for line in lines.splitlines() if line.startswith("20")} == {"DeltaBuilderStep"}


def test_the_same_of_a_stack_and_as_json(ndr: Ndr, failed: str) -> None:
    status, out, _ = ndr("why", failed[:8], "--stack", NAME, "--json")
    answer = json.loads(out)
    (pipeline,) = answer["pipelines"]
    assert (status, answer["status"], pipeline["step"]) == (0, "FAILED", "DeltaBuilderStep")
    assert pipeline["message"] in ndr("why", pipeline["execution"], "--stack", NAME)[1]
    status, out, _ = ndr("logs", failed, "--tail", "1", "--stack", NAME, "--json")
    assert [line["step"] for line in json.loads(out)["lines"]] == ["DeltaBuilderStep"]
    assert "There is no stack 'nowhere'" in ndr("why", "--stack", "nowhere")[2]


def test_status_has_the_reason_of_a_failed_execution(ndr: Ndr, here: str, failed: str) -> None:
    status, out, _ = ndr("status", "--directory", here)
    assert status == 0
    (line,) = [line for line in out.splitlines() if line.startswith(f"mini_batch {failed} FAILED: ")]
    assert "EmptyResultError" in line
    document = json.loads(ndr("status", "--json", "--directory", here)[1])
    (execution,) = [each for each in document["executions"] if each["execution"] == failed]
    assert execution["reason"] in line
    assert {each["dataset"] for each in document["published"]} >= {"deltas", "fg_a", "pair_counts"}
    assert document["row_account"]["rows_in"] == 1


def test_follow_ends_as_the_execution_did(ndr: Ndr, here: str, failed: str) -> None:
    status, out, err = ndr("follow", failed, "--directory", here)
    assert status == 1
    assert "step DeltaBuilderStep: Failed" in out
    assert "EmptyResultError" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [(("nonsense",), "There is no execution 'nonsense'."), (("",), "name one"), (("a" * 12,), "There is no execution")],
)
def test_an_execution_that_is_not_there(ndr: Ndr, here: str, words: tuple[str, ...], told: str) -> None:
    status, _, err = ndr("why" if words[0] else "stop", *words, "--directory", here)
    assert status == 1
    assert told in err or "No execution is running." in err


def test_stop_ends_an_execution_and_its_pipeline(stack: Checked, ndr: Ndr, here: str) -> None:
    states, sagemaker = stack.client("stepfunctions"), stack.client("sagemaker")
    account = ExecutionAccount.of_deployment(stack.deployment)
    request = '{"batch_start": "2026-01-05", "batch_end": "2026-01-06"}'
    machine = stack.deployment.machines["mini_batch"]
    with jobs_held(stack, SCORED_MINI_BATCH_PIPELINE):
        started = states.start_execution(stateMachineArn=machine, input=request)["executionArn"]
        patience = time.monotonic() + 60
        while not (pipelines := pipelines_of(account, started)):
            assert time.monotonic() < patience
            time.sleep(0.05)
        name = started.rpartition(":")[2]
        status, out, _ = ndr("stop", name, "--directory", here)
    assert status == 0
    assert out.splitlines()[0] == f"stopped mini_batch {name}"
    assert f"stopped {SCORED_MINI_BATCH_PIPELINE} {pipelines[0].rpartition('/')[2]}" in out
    assert states.describe_execution(executionArn=started)["status"] == "ABORTED"
    assert sagemaker.describe_pipeline_execution(PipelineExecutionArn=pipelines[0])["PipelineExecutionStatus"] in (
        "Stopping",
        "Stopped",
    )
    assert "has ended already" in ndr("stop", name, "--directory", here)[1]
    assert "was stopped: Stopped: Stopped with `ndr stop`." in ndr("why", name, "--directory", here)[1]


def test_the_environment_is_printed_again(stack: Checked, ndr: Ndr, here: str) -> None:
    status, out, _ = ndr("env", "--directory", here)
    assert status == 0
    assert dict(pair.split("=", 1) for pair in out.split()[1:]) == stack.account.environment()
    assert json.loads(ndr("env", "--json", "--directory", here)[1]) == stack.account.environment()


def test_doctor_finds_the_account(stack: Checked, ndr: Ndr, here: str) -> None:
    document = json.loads(ndr("doctor", "--json", "--directory", here)[1])
    found = {each["area"]: each for each in document["findings"]}
    assert set(found) >= {"python", "packages", "sam", "java", "docker", "memory", "disk", "ports", "account"}
    assert stack.account.endpoint_url in found["account"]["found"]
    assert all(bool(each["mend"]) == (each["verdict"] != "ok") for each in found.values())


def test_a_refused_call_is_a_sentence(stack: Checked, ndr: Ndr, here: str, failed: str) -> None:
    refusal = ("sagemaker", "DescribePipelineExecution", "AccessDeniedException", 1, "You may not.")
    inject(stack.account.directory, *refusal)
    status, _, err = ndr("why", failed, "--directory", here)
    assert status == 1
    assert err.startswith("AccessDeniedException: ")
    assert "You may not." in err


def test_a_batch_that_is_being_run_is_claimed(stack: Checked, ndr: Ndr, here: str) -> None:
    ledger = stack.deployment.table("LedgerTableName")
    key = {"series": "checked#v1#mini_batch", "as_of": "20260105T000000Z-PT15M"}
    ledger.put_item(Item={**key, "holder": "arn:of-an-execution", "claimed_at": "2026-01-05T00:20:00Z"})
    status, out, _ = ndr("status", "--json", "--directory", here)
    ledger.delete_item(Key=key)
    assert status == 0
    (claim,) = [each for each in json.loads(out)["ledger"] if each["as_of"] == key["as_of"]]
    assert (claim["status"], claim["why"]) == ("claimed", "by arn:of-an-execution since 2026-01-05T00:20:00Z")
