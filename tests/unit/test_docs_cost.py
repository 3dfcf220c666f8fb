"""Figures of docs/cost.md and docs/deploy.md: what `ndr cost` computes for the template and assumed traffic."""

from __future__ import annotations

from pathlib import Path

from ndr.local.commands.cost import STARTS
from ndr.local.cost.choices import choices
from ndr.local.cost.month import Assumptions
from ndr.local.cost.prices import read_prices
from ndr.local.cost.stack import template_stack

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cost.md"
BEGIN, END = "<!-- choices -->\n", "<!-- /choices -->"
DEPLOY = ROOT / "docs" / "deploy.md"
BEGIN_DAY, END_DAY = "<!-- day -->\n", "<!-- /day -->"
SHOWN = {("three-steps", 15), ("one-step", 15), ("one-step", 60)}
"""The choices of pipeline and batch length whose day, with FG-C and the schedule, is on the page about deployment."""
HEAD = (
    "| pipeline | FG-C | start by | batch, minutes | minutes to features: least | mean | most "
    "| USD a month: start-up 3 min | 8 min |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)


def table() -> str:
    found = choices(template_stack(ROOT / "template.yaml"), Assumptions(), read_prices())
    rows = [
        (
            *(each.pipeline, "yes" if each.has_scores else "no", STARTS[each.on_arrival], str(each.batch_minutes)),
            *(f"{value:.0f}" for value in (*each.minutes, *each.dollars)),
        )
        for each in found
    ]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def page() -> str:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def day() -> str:
    """The cost of a day, for start-ups of 3 and of 8 minutes."""
    found = choices(template_stack(ROOT / "template.yaml"), Assumptions(), read_prices())
    rows = [
        f"| {each.pipeline} | {each.batch_minutes} | {each.dollars[0] / 30:.1f} to {each.dollars[1] / 30:.1f} |\n"
        for each in found
        if (each.pipeline, each.batch_minutes) in SHOWN and each.has_scores and not each.on_arrival
    ]
    assert len(rows) == len(SHOWN)
    price = f"USD a day, {Assumptions().hosts:,} hosts, start-ups of 3 to 8 minutes"
    return f"| `FifteenMinutePipeline` | `BatchMinutes` | {price} |\n|---|---|---|\n{''.join(rows)}"


def deploy_page() -> str:
    before, _, rest = DEPLOY.read_text().partition(BEGIN_DAY)
    return before + BEGIN_DAY + day() + END_DAY + rest.partition(END_DAY)[2]


def test_the_page_about_deployment_has_the_cost_of_a_day() -> None:
    assert DEPLOY.read_text() == deploy_page(), "write it anew with: python -m tests.unit.test_docs_cost"


def test_the_page_has_the_figures_of_the_estimate() -> None:
    assert PAGE.read_text() == page(), "write it anew with: python -m tests.unit.test_docs_cost"


if __name__ == "__main__":
    PAGE.write_text(page())
    DEPLOY.write_text(deploy_page())
