"""`ndr check` on a deployed stack: as it should be, and with each of its parts broken."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.local import check_stack as broken
from tests.local.check_stack import NAME, Breakage, Checked, jobspec_changed, schedules_set, with_input
from tests.sam import page
from tests.template import ROOT

from ministack_sagemaker.faults import inject
from ministack_sagemaker.testing import fast_account
from ndr.local.check.areas import AREAS
from ndr.local.cli import main

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
    "dead letter": (broken.dead_letter_sent, "dead letters", "About 1 events", "aws sqs receive-message"),
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
