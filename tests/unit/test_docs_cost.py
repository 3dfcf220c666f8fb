"""The table of docs/cost.md: what `ndr cost` computes for the template as it is, and the traffic that it assumes."""

from __future__ import annotations

from pathlib import Path

from ndr.local.cost.choices import choices
from ndr.local.cost.month import Assumptions
from ndr.local.cost.prices import read_prices
from ndr.local.cost.stack import template_stack

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cost.md"
BEGIN, END = "<!-- choices -->\n", "<!-- /choices -->"
HEAD = (
    "| pipeline | batch, minutes | minutes to features: least | mean | most | USD a month: start-up 3 min | 8 min |\n"
    "|---|---|---|---|---|---|---|\n"
)


def table() -> str:
    found = choices(template_stack(ROOT / "template.yaml"), Assumptions(), read_prices())
    rows = [
        (each.pipeline, str(each.batch_minutes), *(f"{value:.0f}" for value in (*each.minutes, *each.dollars)))
        for each in found
    ]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def page() -> str:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def test_the_page_has_the_figures_of_the_estimate() -> None:
    assert PAGE.read_text() == page(), "write it anew with: python -m tests.unit.test_docs_cost"


if __name__ == "__main__":
    PAGE.write_text(page())
