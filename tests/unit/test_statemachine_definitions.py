from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.statemachines.definition import MACHINES, all_states, problems, source, substituted

Mistake = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_definition_has_no_mistakes(machine: str) -> None:
    assert problems(substituted(source(machine))) == []


@pytest.mark.parametrize("machine", MACHINES)
def test_a_definition_says_what_it_takes_and_every_error_has_a_way_out(machine: str) -> None:
    definition = json.loads(source(machine))
    assert definition["QueryLanguage"] == "JSONata"
    assert "Input: " in definition["Comment"] or "Input:" in definition["Comment"]
    for name, state in all_states(definition).items():
        if state["Type"] == "Task" and name not in (
            "RaiseFailure",
            "BuildBatch",
        ):  # one is there to fail, the other's Map catches
            assert "States.ALL" in state["Catch"][-1]["ErrorEquals"], name


def states(definition: dict[str, Any]) -> dict[str, Any]:
    return all_states(definition)


def rename_action(definition: dict[str, Any]) -> None:
    states(definition)["DescribePipelineExecution"]["Resource"] = "arn:aws:states:::aws-sdk:sagemaker:describeRun"


def unknown_service(definition: dict[str, Any]) -> None:
    states(definition)["DescribePipelineExecution"]["Resource"] = "arn:aws:states:::aws-sdk:sagemakr:describePipeline"


def unknown_integration(definition: dict[str, Any]) -> None:
    states(definition)["ExplainFailure"]["Resource"] = "arn:aws:states:::lambda:call"


def wrong_argument(definition: dict[str, Any]) -> None:
    arguments = states(definition)["DescribePipelineExecution"]["Arguments"]
    arguments["pipelineExecutionArn"] = arguments.pop("PipelineExecutionArn")


def read_before_assigned(definition: dict[str, Any]) -> None:
    del states(definition)["Prepare"]["Assign"]["deadlineSeconds"]


def assigned_on_one_path_only(definition: dict[str, Any]) -> None:
    del states(definition)["StopPipelineExecution"]["Catch"][0]["Assign"]


def assigned_in_the_state_that_reads_it(definition: dict[str, Any]) -> None:
    states(definition)["Prepare"]["Assign"]["first"] = "{% $restarts %}"


def missing_target(definition: dict[str, Any]) -> None:
    states(definition)["WaitForNextPoll"]["Next"] = "Describe"


def unreachable(definition: dict[str, Any]) -> None:
    definition["States"]["Alone"] = {"Type": "Pass", "End": True}


def evaluates(definition: dict[str, Any]) -> None:
    states(definition)["PipelineFailed"]["Cause"] = "{% $eval($failure) %}"


def coalesces(definition: dict[str, Any]) -> None:
    states(definition)["PipelineFailed"]["Cause"] = "{% $failure ?? 'unknown' %}"


def bare_dollar(definition: dict[str, Any]) -> None:
    states(definition)["PipelineFailed"]["Cause"] = "{% $.failure %}"


def result_in_a_pass(definition: dict[str, Any]) -> None:
    states(definition)["PipelineSucceeded"]["Output"]["status"] = "{% $states.result %}"


def error_outside_a_catch(definition: dict[str, Any]) -> None:
    states(definition)["PipelineFailed"]["Cause"] = "{% $states.errorOutput.Cause %}"


def unknown_context(definition: dict[str, Any]) -> None:
    states(definition)["Prepare"]["Assign"]["startedAt"] = "{% $states.context.Execution.Started %}"


def bad_syntax(definition: dict[str, Any]) -> None:
    states(definition)["PipelineFailed"]["Cause"] = "{% $failure & %}"


def unprefixed_error(definition: dict[str, Any]) -> None:
    states(definition)["DescribePipelineExecution"]["Retry"][0]["ErrorEquals"] = ["ThrottlingException"]


def error_without_its_suffix(definition: dict[str, Any]) -> None:
    states(definition)["StartPipelineExecution"]["Retry"][2]["ErrorEquals"] = ["SageMaker.ResourceLimitExceeded"]


def retry_of_everything(definition: dict[str, Any]) -> None:
    states(definition)["DescribePipelineExecution"]["Retry"][0]["ErrorEquals"] = ["States.TaskFailed"]


def no_jitter(definition: dict[str, Any]) -> None:
    del states(definition)["DescribePipelineExecution"]["Retry"][0]["JitterStrategy"]


def no_timeout(definition: dict[str, Any]) -> None:
    del states(definition)["DescribePipelineExecution"]["TimeoutSeconds"]


def misspelt_field(definition: dict[str, Any]) -> None:
    states(definition)["WaitForNextPoll"]["Second"] = 3


def no_way_on(definition: dict[str, Any]) -> None:
    del states(definition)["PipelineSucceeded"]["End"]


MISTAKES: dict[Mistake, str] = {
    rename_action: "DescribePipelineExecution: aws-sdk:sagemaker has no action describeRun",
    unknown_service: "DescribePipelineExecution: aws-sdk:sagemakr is not a known service",
    unknown_integration: "ExplainFailure: lambda:call is not a known integration",
    wrong_argument: "DescribePipelineExecution: DescribePipelineExecution takes no pipelineExecutionArn",
    read_before_assigned: "CheckStatus: $deadlineSeconds is read but not assigned",
    assigned_on_one_path_only: "PipelineFailed: $failure is read but not assigned",
    assigned_in_the_state_that_reads_it: "Prepare: $restarts is read but not assigned",
    missing_target: "no state is named Describe",
    unreachable: "Alone: can't be reached",
    evaluates: "PipelineFailed: $eval does not exist",
    coalesces: "PipelineFailed: ?? is not in JSONata 2.0",
    bare_dollar: "PipelineFailed: a bare $",
    result_in_a_pass: "PipelineSucceeded: $states.result does not exist in Output of a Pass",
    error_outside_a_catch: "PipelineFailed: $states.errorOutput does not exist in Cause",
    unknown_context: "Prepare: $states.context.Execution.Started does not exist",
    bad_syntax: "PipelineFailed: Cause is not JSONata",
    unprefixed_error: "DescribePipelineExecution: ThrottlingException is not an error name",
    error_without_its_suffix: "StartPipelineExecution: SageMaker.ResourceLimitExceeded is not an error name",
    retry_of_everything: "DescribePipelineExecution: a Retry of every error",
    no_jitter: "DescribePipelineExecution: a Retry needs",
    no_timeout: "DescribePipelineExecution: a Task needs TimeoutSeconds",
    misspelt_field: "WaitForNextPoll: a Wait has no field Second",
    no_way_on: "PipelineSucceeded: needs Next or End",
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_planted_mistake_is_found(mistake: Mistake) -> None:
    definition = copy.deepcopy(substituted(source("run_pipeline")))
    mistake(definition)
    assert any(problem.startswith(MISTAKES[mistake]) for problem in problems(definition)), problems(definition)


def test_a_variable_of_the_machine_is_known_inside_a_map_and_not_the_other_way() -> None:
    definition = substituted(source("baselines"))
    inside = all_states(definition)["BuildChunk"]
    inside["Assign"] = {"inner": 1}
    all_states(definition)["DidAllSucceed"]["Output"] = "{% $inner %}"
    assert problems(definition) == ["DidAllSucceed: $inner is read but not assigned on every path"]
