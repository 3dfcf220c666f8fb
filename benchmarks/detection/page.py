"""The tables and sentences with figures of docs/detection.md, from the kept result lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.detection.summary import LABELS

PAGE = Path(__file__).parents[2] / "docs" / "detection.md"


def fill_page(results: Path) -> None:
    """Write the figures into the page; nothing happens where no result is kept."""
    kept = results / "detection.json"
    if not kept.exists():
        return
    text = PAGE.read_text(encoding="utf-8")
    for name, content in sections(json.loads(kept.read_text())).items():
        text = _replaced(text, name, content)
    PAGE.write_text(text, encoding="utf-8")


def sections(lines: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the text of each marked section of the page."""
    of_kinds = [line for line in lines if line.get("summary") and "kind" in line]
    (counts,) = [line for line in lines if line.get("summary") and "kind" not in line]
    return {
        "kinds": _kinds(of_kinds),
        "ranks": _ranks(of_kinds),
        "false": _false(counts, of_kinds),
        "beacons": _beacons(lines),
    }


def _replaced(text: str, name: str, content: str) -> str:
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    return f"{head}{begin}{content}\n{end}{tail}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _by_kind(lines: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for line in lines:
        found.setdefault(line["kind"], {})[line["ranking"]] = line
    return found


def _kinds(lines: Sequence[dict[str, Any]]) -> str:
    rows = []
    for kind, of in _by_kind(lines).items():
        first = of["scores"]
        wanted = f"{round(first['target'] * first['networks'])} of {first['networks']}"
        chance = f"{first['by_chance'] * first['networks']:.1f}"
        rows.append([kind.replace("_", " "), *(of[ranking]["found"] for ranking in LABELS), wanted, chance])
    return _table(["kind", *LABELS.values(), "target", "by chance"], rows)


def _ranks(lines: Sequence[dict[str, Any]]) -> str:
    def place(line: dict[str, Any]) -> str:
        return f"{_shown(line['median_rank'])} ({_shown(line['median_false_above'])})"

    rows = [
        [kind.replace("_", " "), *(place(of[name]) for name in LABELS), _shown(of["scores"]["median_day"])]
        for kind, of in _by_kind(lines).items()
    ]
    return _table(["kind", *LABELS.values(), "FG-C's day"], rows)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _false(counts: dict[str, Any], of_kinds: Sequence[dict[str, Any]]) -> str:
    missed = [
        f"{line['kind'].replace('_', ' ')} ({line['found']} of {line['networks']})"
        for line in of_kinds
        if line["ranking"] == "scores" and line["found"] < line["target"] * line["networks"]
    ]
    below = f"Below its target: {', '.join(missed)}." if missed else "Every kind meets its target."
    flagged = (
        f"Of {counts['host_days']:,} host-days of clean networks, {counts['share_below_0.01']:.2%} have a p value "
        f"below 0.01, and {counts['share_below_0.05']:.2%} one below 0.05."
    )
    baits = (
        f"In all networks, {counts['false_in_top']:,} host-days in the top ten belong to no attack, of which "
        f"{counts['backups_in_top']} are backups, and {counts['patch_nights_in_top']} are machines that are patched, "
        f"on {counts['patch_nights']} nights; none should be."
    )
    networks = max(line["networks"] for line in of_kinds)
    return f"{networks} attacked networks. {below}\n\n{flagged} {baits}"


def _beacons(lines: Sequence[dict[str, Any]]) -> str:
    of = [line for line in lines if line.get("ranking") == "scores" and "interval_seconds" in line]
    rows = []
    for low, high in ((60, 300), (300, 600), (600, 1_800), (1_800, 7_201), (21_000, 22_000)):
        for least, most in ((0, 0.25), (0.25, 0.51)):
            inside = [one for one in of if low <= one["interval_seconds"] < high and least <= one["jitter"] < most]
            if inside:
                span = f"{low / 60:g} to {high // 60:g} min" if high < 20_000 else "6 h"
                found = sum(one["found"] for one in inside)
                rows.append([span, f"{least:.0%} to {min(most, 0.5):.0%}", f"{found} of {len(inside)}"])
    return _table(["interval", "jitter", "among the ten"], rows)
