"""The table of docs/lambdas.md: what each measured plan costs, and its seconds in the function's share of a core."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parent
DOC: Final = FOLDER.parent / "docs" / "lambdas.md"
TEMPLATE: Final = FOLDER.parent / "template.yaml"
CORE_MB: Final = 1769
"""The memory at which Lambda gives a function one whole core; below it, a share in proportion."""


def function_memory() -> int:
    """Return the memory of plan_run in MB, as the template sets it."""
    resources = yaml.load(TEMPLATE.read_text(), Loader=_Plain)["Resources"]
    return int(resources["PlanRunFunction"]["Properties"]["MemorySize"])


class _Plain(yaml.SafeLoader):
    """Reads CloudFormation's own tags as nothing: no figure here has one."""


_Plain.add_multi_constructor("!", lambda loader, suffix, node: None)


def plan_table(lines: Iterable[Mapping[str, Any]], memory_mb: int) -> Iterator[str]:
    """Yield the rows of the table."""
    names = ("layout", "plan", "CPU s", "limit", "S3 requests", "limit", "ledger requests", "peak MiB", "seconds there")
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for line in lines:
        if "plan" in line:
            seconds = line["cpu_s"] / (memory_mb / CORE_MB)
            cells = (
                line["layout"],
                line["plan"],
                f"{line['cpu_s']:.1f}",
                str(line.get("limit_cpu_s", "")),
                f"{line['s3_requests']:,}",
                str(line.get("limit_s3_requests", "")),
                str(line["ledger_requests"]),
                str(line["peak_mib"]),
                f"{seconds:.0f}",
            )
            yield f"| {' | '.join(cells)} |"


def fill_plan_table(results: Path = FOLDER / "results", doc: Path = DOC) -> None:
    """Write the table between its marks in the doc, where results are kept."""
    kept = results / "plan.json"
    if not kept.exists():
        return
    rows = "\n".join(plan_table(json.loads(kept.read_text()), function_memory()))
    mark = re.compile("(<!-- plan -->\n).*?(<!-- /plan -->)", re.DOTALL)
    doc.write_text(mark.sub(lambda found: f"{found[1]}{rows}\n{found[2]}", doc.read_text()))


if __name__ == "__main__":
    fill_plan_table()
