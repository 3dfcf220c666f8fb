"""Memory and timeout of plan_run follow from what its longest plan was measured to need, with a factor of two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from benchmarks.plan_table import CORE_MB, fill_plan_table, function_memory
from tests.template import RESOURCES, ROOT

from ndr.contract.ledger import EXPIRES_AT

FACTOR: Final = 2


RESULTS: Final = ROOT / "benchmarks" / "results"


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((RESULTS / "plan.json").read_text())
    return found


@pytest.fixture
def function() -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES["PlanRunFunction"]["Properties"]
    return found


def test_the_function_has_twice_the_seconds_and_the_memory_of_its_longest_plan(
    lines: list[dict[str, Any]], function: dict[str, Any]
) -> None:
    (need,) = [line["need"] for line in lines if "need" in line]
    share = function["MemorySize"] / CORE_MB
    assert need["cpu_s"] > 0
    assert FACTOR * need["cpu_s"] / share <= function["Timeout"]
    assert FACTOR * need["peak_mib"] <= function["MemorySize"]


def test_every_plan_is_measured_and_within_its_limits(lines: list[dict[str, Any]]) -> None:
    measured = {(line["layout"], line["plan"]): line for line in lines if "plan" in line}
    assert {plan for _, plan in measured} == {
        "a year", "a year, fill_upstream", "since 2020", "nothing late", "a week late",
    }  # fmt: skip
    assert all(line.get("cpu_share", 0) <= 1 and line.get("s3_share", 0) <= 1 for line in measured.values())
    assert measured["compacted", "nothing late"]["limit_cpu_s"] == 2
    assert measured["compacted, a week late", "a week late"]["limit_cpu_s"] == 5
    for layout in ("compacted", "slices"):
        year = measured[layout, "a year"]
        assert (year["limit_cpu_s"], year["limit_s3_requests"]) == (10, 400)


def test_the_docs_have_the_figures_of_the_results(tmp_path: Path) -> None:
    doc = tmp_path / "lambdas.md"
    doc.write_text((ROOT / "docs" / "lambdas.md").read_text())
    fill_plan_table(RESULTS, doc)
    assert doc.read_text() == (ROOT / "docs" / "lambdas.md").read_text(), "run python -m benchmarks.plan_table"
    assert "| compacted | nothing late |" in doc.read_text()
    assert function_memory() == RESOURCES["PlanRunFunction"]["Properties"]["MemorySize"]


def test_the_ledger_forgets_slices_and_claims_and_keeps_baselines() -> None:
    ledger = RESOURCES["LedgerTable"]["Properties"]
    assert ledger["TimeToLiveSpecification"] == {"AttributeName": EXPIRES_AT, "Enabled": True}
