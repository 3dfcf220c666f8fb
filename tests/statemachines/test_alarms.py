"""The deployed alarms, fed with log lines as the jobs print them."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from aws_lambda_powertools.metrics import MetricUnit

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import subscribed_queue
from ndr.jobs.metrics import count_tables, measure_baseline_age, put_metrics
from ndr.jobs.run import Run

GROUP = "/aws/sagemaker/ProcessingJobs"
ALARMS = {
    "BaselinesLateAlarm",
    "WeeklyBaselinesLateAlarm",
    "InventoryStaleAlarm",
    "MiniBatchesLateAlarm",
    "QuarantineAlarm",
    "FunctionThrottledAlarm",
    "PlanRunErrorsAlarm",
    "ExplainFailureErrorsAlarm",
    "EventsNotSentAlarm",
    "TablesBehindAlarm",
    "MachineThrottledAlarm",
    "DeadLettersAlarm",
}


def alarms(account: Account) -> dict[str, Any]:
    """The stack's alarms by their logical names."""
    resources = account.client("cloudformation").describe_stack_resources(StackName="machines")["StackResources"]
    names = {
        item["PhysicalResourceId"]: item["LogicalResourceId"]
        for item in resources
        if item["ResourceType"] == "AWS::CloudWatch::Alarm"
    }
    described = account.client("cloudwatch").describe_alarms(AlarmNames=list(names))["MetricAlarms"]
    return {names[alarm["AlarmName"]]: alarm for alarm in described}


def log(account: Account, line: str) -> None:
    logs = account.client("logs")
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=GROUP)
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=GROUP, logStreamName="alarms-test")
    event = {"timestamp": int(time.time() * 1000), "message": line}
    logs.put_log_events(logGroupName=GROUP, logStreamName="alarms-test", logEvents=[event])


def test_alarms_of_a_stack_whose_schedules_are_disabled_keep_quiet_about_lateness(
    account: Account, stack: dict[str, str]
) -> None:
    found = {name: alarm for name, alarm in alarms(account).items() if alarm["AlarmActions"]}
    assert set(found) == ALARMS
    quiet = {name for name, alarm in found.items() if not alarm["ActionsEnabled"]}
    assert quiet == {"BaselinesLateAlarm", "MiniBatchesLateAlarm"}
    for name in quiet:
        assert found[name]["TreatMissingData"] == "breaching"
    for alarm in found.values():
        assert alarm["AlarmActions"] == [stack["AlarmTopicArn"]]
        assert alarm["Period"] * alarm["EvaluationPeriods"] <= 7 * 86400  # CloudWatch's limit for periods of an hour
        assert alarm["Period"] >= 3600 or alarm["Period"] * alarm["EvaluationPeriods"] <= 86400


def told(account: Account, queue: str) -> str:
    """The description of the alarm that people were told of."""
    messages = account.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    return str(json.loads(json.loads(messages[0]["Body"])["Message"])["AlarmDescription"])


@pytest.mark.parametrize(("share", "state"), [(2.0, "OK"), (12.5, "ALARM")])
def test_quarantined_rows_beyond_the_limit_reach_people(
    account: Account, stack: dict[str, str], capsys: pytest.CaptureFixture[str], share: float, state: str
) -> None:
    queue = subscribed_queue(account, f"quarantine-{state}", stack["AlarmTopicArn"])
    put_metrics({"project": "lucky", "dataset": "deltas"}, {"QuarantinedShare": (MetricUnit.Percent, share)})
    log(account, capsys.readouterr().out.strip())

    assert alarms(account)["QuarantineAlarm"]["StateValue"] == state
    if state == "ALARM":
        assert told(account, queue).endswith("docs/runbook.md#rows-quarantined")


@pytest.mark.parametrize(("days", "state"), [(7, "OK"), (8, "ALARM")])
def test_a_30_day_baseline_of_more_than_a_week_reaches_people(
    account: Account, stack: dict[str, str], capsys: pytest.CaptureFixture[str], days: int, state: str
) -> None:
    """Before Monday's run it is 7 days old; when that did not come, the next night finds it 8 days old."""
    queue = subscribed_queue(account, f"weekly-{state}", stack["AlarmTopicArn"])
    table: Any = None
    measure_baseline_age(Run("fg_b_builder", "lucky", "v1", table), "30d", days)
    log(account, capsys.readouterr().out.strip())

    assert alarms(account)["WeeklyBaselinesLateAlarm"]["StateValue"] == state
    if state == "ALARM":
        assert told(account, queue).endswith("docs/runbook.md#weekly-baselines-late")


@pytest.mark.parametrize(("failed", "state"), [(False, "OK"), (True, "ALARM")])
def test_tables_that_fall_behind_reach_people(
    account: Account, stack: dict[str, str], capsys: pytest.CaptureFixture[str], failed: bool, state: str
) -> None:
    queue = subscribed_queue(account, f"tables-{state}", stack["AlarmTopicArn"])
    table: Any = None
    count_tables(Run("fg_c_builder", "lucky", "v1", table), "fg_a", failed)
    for line in capsys.readouterr().out.splitlines():
        log(account, line)

    assert alarms(account)["TablesBehindAlarm"]["StateValue"] == state
    if state == "ALARM":
        assert told(account, queue).endswith("docs/runbook.md#tables-behind")
