"""The parameters and machines of the template, and the measured job durations of a deployed stack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from samtranslator.yaml_helper import yaml_parse

from ndr.local.cost.estimate import Stack
from ndr.local.cost.month import SECONDS_PER_1000_HOSTS
from ndr.local.deployment.create import STACK_NAME
from ndr.local.deployment.deployment import Deployment

MEASURED_OVER: Final = timedelta(days=14)


def template_stack(template: Path, parameters: Mapping[str, str] | None = None) -> Stack:
    """Read the template. `parameters` override its defaults."""
    document = yaml_parse(template.read_text())
    given = {name: item.get("Default") for name, item in document["Parameters"].items()} | dict(parameters or {})
    definitions = {
        path.name.partition(".")[0]: json.loads(path.read_text())
        for path in (template.parent / "statemachines").glob("*.asl.json")
    }
    resources = document["Resources"].values()
    return Stack(
        poll_seconds=int(given["PollSeconds"]),
        max_poll_seconds=int(given["MaxPollSeconds"]),
        function_mb=int(document["Globals"]["Function"]["MemorySize"]),
        alarms=sum(item["Type"] == "AWS::CloudWatch::Alarm" for item in resources),
        own_key=bool(given["KmsKeyArn"]),
        definitions=definitions,
    )


def deployed_parameters(deployment: Deployment) -> dict[str, str]:
    """Return the parameters that the stack was deployed with."""
    (stack,) = deployment.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}


def measured_seconds(cloudwatch: Any, project_name: str, now: datetime | None = None) -> dict[str, float]:
    """Return the mean seconds of each job over the last two weeks, from the metric JobSeconds."""
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
