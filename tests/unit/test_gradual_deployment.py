"""With GradualDeployment, each alias moves under the alarms that its own new version would set off."""

from __future__ import annotations

from typing import Any

import pytest
from tests.translated_template import translated


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return dict(translated({"GradualDeployment": "true"})["Resources"])


def of_type(resources: dict[str, Any], type_: str) -> dict[str, Any]:
    return {name: item for name, item in resources.items() if item["Type"] == type_}


def watched(resources: dict[str, Any], alarm: str) -> tuple[str, str, list[dict[str, Any]]]:
    """What an alarm counts."""
    assert resources[alarm]["Type"] == "AWS::CloudWatch::Alarm"
    properties = resources[alarm]["Properties"]
    assert properties["Threshold"] == 1, "a version that fails may be called once only while it takes over"
    assert properties["EvaluationPeriods"] == 1
    return properties["Namespace"], properties["MetricName"], properties["Dimensions"]


def test_a_machines_alias_is_watched_by_the_failures_of_that_machine(resources: dict[str, Any]) -> None:
    aliases = of_type(resources, "AWS::StepFunctions::StateMachineAlias")
    assert len(aliases) == 3
    for name, alias in aliases.items():
        preference = alias["Properties"]["DeploymentPreference"]
        condition, alarms, otherwise = preference["Alarms"]["Fn::If"]
        assert (condition, otherwise) == ("IsGradual", {"Ref": "AWS::NoValue"})
        version = resources[preference["StateMachineVersionArn"]["Ref"]]["Properties"]
        machine = version["StateMachineArn"]
        assert name == f"{machine['Ref']}Aliaslive"
        # The machine's ARN without a version counts the executions of all its versions.
        counted = [watched(resources, alarm["Ref"]) for alarm in alarms]
        assert counted == [("AWS/States", "ExecutionsFailed", [{"Name": "StateMachineArn", "Value": machine}])]


def test_a_functions_alias_is_moved_by_codedeploy_and_watched_by_the_errors_of_that_function(
    resources: dict[str, Any],
) -> None:
    groups = of_type(resources, "AWS::CodeDeploy::DeploymentGroup")
    assert set(groups) == {"PlanRunFunctionDeploymentGroup", "ExplainFailureFunctionDeploymentGroup"}
    for name, group in groups.items():
        function = name.removesuffix("DeploymentGroup")
        update = resources[f"{function}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert update["DeploymentGroupName"] == {"Ref": name}
        assert group["Properties"]["AutoRollbackConfiguration"]["Enabled"] is True
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["Properties"]["AutoRollbackConfiguration"]["Events"]
        alarms = group["Properties"]["AlarmConfiguration"]
        assert alarms["Enabled"] is True
        # The function's name alone counts the calls of all its versions and aliases.
        counted = [watched(resources, alarm["Name"]["Ref"]) for alarm in alarms["Alarms"]]
        assert counted == [("AWS/Lambda", "Errors", [{"Name": "FunctionName", "Value": {"Ref": function}}])]


def test_without_it_an_alias_moves_at_once() -> None:
    at_once = dict(translated()["Resources"])
    assert not of_type(at_once, "AWS::CodeDeploy::DeploymentGroup")
    assert all("UpdatePolicy" not in alias for alias in of_type(at_once, "AWS::Lambda::Alias").values())
