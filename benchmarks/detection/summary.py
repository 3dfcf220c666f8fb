"""The figures of all networks together: each kind in each ranking, the baits, and the flagged share of clean ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import mean, median
from typing import Any, Final

from ndr.local.traffic.attacks import ALL_KINDS

LEVELS: Final = (0.01, 0.05)
"""Of p values."""
BAITS: Final = ("false_in_top", "backups_in_top", "patch_nights_in_top", "patch_nights")
"""Counts of host-days in the top ten that no attack explains, and of nights."""
LABELS: Final = {
    "scores": "FG-C",
    "bytes_z": "z of bytes alone",
    "rarity": "rarity alone",
    "rita": "RITA v5's score",
    "release_before": "release before",
}
"""The rankings that are compared, as the page calls them."""
TARGETS: Final = {kind: 0.7 if kind in ("slow_growth", "six_hour_beacon") else 0.9 for kind in ALL_KINDS}
"""The share of networks in which a kind is to be among the ten."""


def summary(lines: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a line for each kind and ranking, and one for the baits and the flagged shares."""
    placed = [line for line in lines if "ranking" in line]
    for kind in ALL_KINDS:
        for ranking in dict.fromkeys(line["ranking"] for line in placed):
            of = [line for line in placed if (line["kind"], line["ranking"]) == (kind, ranking)]
            yield {
                "kind": kind,
                "ranking": ranking,
                "networks": len(of),
                "found": sum(line["found"] for line in of),
                "target": TARGETS[kind],
                "median_rank": _median(line["rank"] for line in of),
                "median_false_above": _median(line["false_above"] for line in of),
                "median_day": _median(line.get("day_of_attack") for line in of),
            } | ({"by_chance": mean(line["by_chance"] for line in of)} if ranking == "scores" else {})
    counted = [line for line in lines if "backups_in_top" in line]
    clean = [line for line in lines if "host_days" in line]
    host_days = sum(line["host_days"] for line in clean)
    yield {name: sum(line[name] for line in counted) for name in BAITS} | {
        "host_days": host_days,
        **{
            f"share_below_{level}": sum(line[f"share_below_{level}"] * line["host_days"] for line in clean) / host_days
            for level in LEVELS
            if host_days
        },
    }


def _median(values: Iterable[float | None]) -> float | None:
    """Return the median; None counts as larger than any number, and a median that is so large is None."""
    known = [float("inf") if value is None else value for value in values]
    middle = median(known) if known else float("inf")
    return None if middle == float("inf") else middle
