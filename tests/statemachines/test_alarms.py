"""The deployed alarms, fed with log lines as the jobs print them."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from aws_lambda_powertools.metrics import MetricUnit

from ndr.jobs.metrics import put_metrics
from ndr.local.account.lifecycle import Account

GROUP = "/aws/sagemaker/ProcessingJobs"
ALARMS = {
    "BaselinesLateAlarm",
    "InventoryStaleAlarm",
    "MiniBatchesLateAlarm",
    "QuarantineAlarm",
    "FunctionThrottledAlarm",
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


@pytest.mark.parametrize(("share", "state"), [(2.0, "OK"), (12.5, "ALARM")])
def test_quarantined_rows_beyond_the_limit_reach_people(
    account: Account, stack: dict[str, str], capsys: pytest.CaptureFixture[str], share: float, state: str
) -> None:
    sqs, sns = account.client("sqs"), account.client("sns")
    queue = sqs.create_queue(QueueName=f"people-{state}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=stack["AlarmTopicArn"], Protocol="sqs", Endpoint=arn)
    put_metrics({"project": "lucky", "dataset": "deltas"}, {"QuarantinedShare": (MetricUnit.Percent, share)})
    log(account, capsys.readouterr().out.strip())

    alarm = alarms(account)["QuarantineAlarm"]
    assert alarm["StateValue"] == state
    if state == "ALARM":
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
        told = json.loads(json.loads(messages[0]["Body"])["Message"])
        assert told["AlarmDescription"].endswith("docs/runbook.md#rows-quarantined")
