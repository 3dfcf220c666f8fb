"""The parameters and machines of the template, and the measured job durations of a deployed stack."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from samtranslator.yaml_helper import yaml_parse

from ndr.contract.datasets import DELTAS
from ndr.contract.jobspecs import JobSpecs
from ndr.contract.time import DAY
from ndr.local.cost.estimate import Stack
from ndr.local.cost.month import SECONDS_PER_1000_HOSTS
from ndr.local.deployment.create import STACK_NAME
from ndr.local.deployment.deployment import Deployment
from ndr.local.deployment.published import flow_account, published_tables

MEASURED_OVER: Final = timedelta(days=14)
OF_THIS_MACHINE: Final = ("PollSeconds", "MaxPollSeconds")
"""Parameters that an account on this machine has for its own speed: an estimate takes the template's."""


def template_stack(template: Path, parameters: Mapping[str, str] | None = None) -> Stack:
    """Read the template. `parameters` override its defaults."""
    document = yaml_parse(template.read_text())
    given = {name: item.get("Default") for name, item in document["Parameters"].items()} | dict(parameters or {})
    definitions = {
        path.name.partition(".")[0]: json.loads(path.read_text())
        for path in (template.parent / "statemachines").glob("*.asl.json")
    }
    resources = document["Resources"].values()
    minutes = int(given["BatchMinutes"])
    schedule = document["Mappings"]["Batches"][str(minutes)]["Schedule"]
    return Stack(
        pipeline=given["FifteenMinutePipeline"],
        batch_minutes=minutes,
        schedule_minutes=minutes_until_started(schedule, minutes, int(given["SettleMinutes"])),
        poll_seconds=int(given["PollSeconds"]),
        max_poll_seconds=int(given["MaxPollSeconds"]),
        function_mb=int(document["Globals"]["Function"]["MemorySize"]),
        alarms=sum(item["Type"] == "AWS::CloudWatch::Alarm" for item in resources),
        own_key=bool(given["KmsKeyArn"]),
        on_arrival=given["StartOnArrival"] == "true",
        quiet_seconds=int(given["ArrivalQuietSeconds"]),
        has_tables=bool(given["TablesDatabase"]),
        definitions=definitions,
    )


def minutes_until_started(schedule: str, batch_minutes: int, settle_minutes: int) -> int:
    """Return the minutes from the end of a batch until the first start of the schedule that takes it.

    Parameters
    ----------
    schedule : str
        Such as ``cron(5/15 * * * ? *)``; its first number is the minute of the first start.
    """
    first = int(re.split(r"[(/ ]", schedule)[1])
    return first + batch_minutes * max(0, math.ceil((settle_minutes - first) / batch_minutes))


def deployed_parameters(deployment: Deployment) -> dict[str, str]:
    """Return the parameters that the stack was deployed with, except OF_THIS_MACHINE."""
    (stack,) = deployment.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    given = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    return {name: value for name, value in given.items() if name not in OF_THIS_MACHINE}


def measured_flows_per_day(jobspecs: JobSpecs) -> float | None:
    """Return the flows of a mean day, from the manifests of the published deltas; None where nothing is published."""
    deltas = next((each for each in published_tables(jobspecs) if each.dataset == DELTAS.name), None)
    if deltas is None:
        return None
    return flow_account(jobspecs).rows_in / ((deltas.last - deltas.first) / DAY)


def measured_seconds(cloudwatch: Any, project_name: str, now: datetime | None = None) -> dict[str, float]:
    """Return the mean seconds of the jobs of SECONDS_PER_1000_HOSTS over the last two weeks."""
    end = now or datetime.now(UTC)
    found = {}
    for job in SECONDS_PER_1000_HOSTS:
        points = cloudwatch.get_metric_statistics(
            Namespace="ndr",
            MetricName="JobSeconds",
            Dimensions=[{"Name": "project", "Value": project_name}, {"Name": "job", "Value": job}],
            StartTime=end - MEASURED_OVER,
            EndTime=end + timedelta(minutes=1),
            Period=86400,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
        if points:
            found[job] = sum(point["Sum"] for point in points) / sum(point["SampleCount"] for point in points)
    return found
