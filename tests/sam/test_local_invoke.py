"""The page's `sam local invoke` commands, each in a container. SAM exits 0 also when the function fails."""

from __future__ import annotations

import json

from tests.sam import page
from tests.sam.command_line import CommandLine

from ministack_sagemaker.lifecycle import Account
from ndr.contract.pipelines import (
    COMPACTION_PIPELINE,
    FG_B_PIPELINE,
    INVENTORY_PIPELINE,
    MINI_BATCH_PIPELINE,
    PIPELINE_NAMES,
    SCORED_MINI_BATCH_PIPELINE,
)

INVOKE = ("sam", "local", "invoke")
PIPELINES = set(PIPELINE_NAMES)
THREE = ["DeltaBuilderStep", "FGABuilderStep", "PairCountsBuilderStep"]


def event(name: str) -> tuple[str, ...]:
    return "--event", f"events/{name}.json"


def from_stdin(words: list[str]) -> list[str]:
    """The command, with its event read from standard input instead of a file."""
    at = words.index("--event") + 1
    return [*words[:at], "-", *words[at + 1 :]]


def registered(account: Account) -> dict[str, str]:
    sagemaker = account.client("sagemaker")
    return {name: sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"] for name in PIPELINES}


def test_plan_run_plans_a_backfill(built: CommandLine) -> None:
    answer = built.answer(page.command(*INVOKE, "PlanRunFunction", *event("plan_run_baselines")))
    assert (answer["project_name"], answer["mode"], answer["dry_run"]) == ("unlucky", "BACKFILL", True)
    assert answer["pipeline_name"] == FG_B_PIPELINE
    assert answer["baselines"] == 90 + 13  # 7d on every day and 30d on every Monday from January to March 2026
    assert answer["message"] == "103 baselines of unlucky v1 to build in 4 pipeline executions."


def test_plan_run_plans_the_last_complete_slice(built: CommandLine) -> None:
    answer = built.answer(page.command(*INVOKE, "PlanRunFunction", *event("plan_run_mini_batch")))
    assert answer["pipeline_name"] == MINI_BATCH_PIPELINE
    assert answer["parameters"]["BatchStartTsIso"] == "2026-01-31T06:15:00Z"
    assert answer["parameters"]["BatchEndTsIso"] == "2026-01-31T06:30:00Z"


def test_plan_run_refuses_a_bad_request_by_name(built: CommandLine) -> None:
    words = from_stdin(page.command(*INVOKE, "PlanRunFunction", *event("plan_run_baselines")))
    request = {"kind": "baselines", "request": {"mode": "SIDEWAYS"}, "started_at": "2026-04-02T00:30:00Z"}
    answer = built.answer(words, stdin=json.dumps(request))
    assert answer["refused"]["error"] == "InvalidRequestError"
    assert "found 'SIDEWAYS'" in answer["refused"]["message"]


def test_explain_failure_names_step_and_reason(built: CommandLine, failed_execution: str) -> None:
    answer = built.answer(page.command(*INVOKE, "ExplainFailureFunction"))
    assert (answer["execution"], answer["status"]) == (failed_execution, "Failed")
    assert (answer["step"], answer["reason"]) == ("OnlyStep", "The project is unlucky.")
    assert answer["message"].startswith(
        "Pipeline ndr-steerable ended as Failed in step OnlyStep: The project is unlucky."
    )


def test_upsert_pipelines_shows_the_difference_then_registers(built: CommandLine, account: Account) -> None:
    words = page.command(*INVOKE, "UpsertPipelinesFunction")
    before = registered(account)
    shown = built.answer(words)
    assert shown["dry_run"] is True
    assert {pipeline["name"]: pipeline["change"] for pipeline in shown["pipelines"]} == dict.fromkeys(
        PIPELINES, "updated"
    )
    assert all("+++ built" in pipeline["diff"] for pipeline in shown["pipelines"])
    assert registered(account) == before

    done = built.answer(from_stdin(words), stdin="{}")
    digests = {pipeline["name"]: pipeline["digest"] for pipeline in done["pipelines"]}
    assert digests == {pipeline["name"]: pipeline["digest"] for pipeline in shown["pipelines"]}
    after = registered(account)
    assert {name: [step["Name"] for step in json.loads(after[name])["Steps"]] for name in PIPELINES} == {
        MINI_BATCH_PIPELINE: THREE,
        SCORED_MINI_BATCH_PIPELINE: [*THREE, "FGCCorrBuilderStep"],
        FG_B_PIPELINE: ["FGBaselineBuilderStep"],
        INVENTORY_PIPELINE: ["MachineInventoryUnloadStep"],
        COMPACTION_PIPELINE: ["CompactionStep", "ReportStep"],
    }
