"""The page's `sam remote invoke` commands, on the deployed functions."""

from __future__ import annotations

import re

from tests.sam import page
from tests.sam.command_line import ROOT, CommandLine

INVOKE = ("sam", "remote", "invoke")


def test_the_page_has_a_command_for_every_function_deployed_and_local() -> None:
    functions = set(
        re.findall(r"^  (\w+):\n    Type: AWS::Serverless::Function$", (ROOT / "template.yaml").read_text(), re.M)
    )
    assert {words[3] for words in page.commands(*INVOKE)} == functions
    assert {words[3] for words in page.commands("sam", "local", "invoke")} == functions


def test_plan_run_plans_a_backfill(project: CommandLine) -> None:
    answer = project.answer(page.command(*INVOKE, "PlanRunFunction"))
    assert (answer["project_name"], answer["mode"], answer["dry_run"]) == ("unlucky", "BACKFILL", True)
    assert answer["baselines"] == 90 + 13  # 7d on every day and 30d on every Monday from January to March 2026
    assert answer["runs"][-1]["parameters"]["BackfillEndTsIso"] == "2026-04-01T00:00:00Z"


def test_explain_failure_names_step_and_reason(project: CommandLine, failed_execution: str) -> None:
    answer = project.answer(page.command(*INVOKE, "ExplainFailureFunction"))
    assert (answer["execution"], answer["status"]) == (failed_execution, "Failed")
    assert (answer["step"], answer["reason"]) == ("OnlyStep", "The project is unlucky.")


def test_upsert_pipelines_shows_what_it_would_change(project: CommandLine) -> None:
    answer = project.answer(page.command(*INVOKE, "UpsertPipelinesFunction"))
    assert answer["dry_run"] is True
    assert {pipeline["change"] for pipeline in answer["pipelines"]} == {"updated"}
