"""The figures of docs/identity.md, from the kept result lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "identity.md"
_BEGIN: Final = "<!-- figures -->\n"
_END: Final = "<!-- end of figures -->"


def fill_identity_page(results: Path) -> None:
    """Write the figures into the page; nothing happens where no result is kept."""
    kept = results / "identity.json"
    if not kept.exists():
        return
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    PAGE.write_text(f"{head}{_BEGIN}{figures(json.loads(kept.read_text()))}{_END}{tail}", encoding="utf-8")


def figures(lines: Sequence[dict[str, Any]]) -> str:
    """Return the table of the page."""
    names = ["hosts are", "host-days", "false alarms of hosts", "of pairs", "of rotating addresses", "pairs called new"]
    rows = [f"| {' | '.join(names)} |", f"| {' | '.join(['---'] * len(names))} |"]
    for line in lines:
        if "hosts_are" in line:
            hosts = {"address": "addresses", "machine": "machines"}[line["hosts_are"]]
            alarms = (line["host_alarms"], line["pair_alarms"], line["of_rotating_addresses"], line["new_pairs"])
            cells = (hosts, line["host_days"], *alarms)
            rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*rows, ""])
