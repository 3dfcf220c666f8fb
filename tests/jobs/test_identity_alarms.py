"""The benchmark of rotating addresses on a small network: what is left of the false alarms, and what its page says."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.bench_identity import Size, compare
from benchmarks.identity.page import PAGE, figures
from tests.template import ROOT

SMALL = Size(machines=100, days=8, scored=1, windows=("15m", "1h", "24h"))


def test_at_most_a_fifth_of_the_false_alarms_is_left(tmp_path: Path) -> None:
    by_address, by_machine, ratios = compare(tmp_path, 1, SMALL)
    for kind in ("host", "pair"):
        assert by_address[f"{kind}_alarms"] >= 3, "the addresses show no false alarms to compare with"
        assert 5 * by_machine[f"{kind}_alarms"] <= by_address[f"{kind}_alarms"]
        assert ratios[f"{kind}_ratio"] <= 0.2
    assert by_machine["of_rotating_addresses"] == 0


def test_the_page_has_the_kept_figures() -> None:
    kept = json.loads((ROOT / "benchmarks" / "results" / "identity.json").read_text())
    assert figures(kept) in PAGE.read_text()
    assert kept[-1]["host_ratio"] <= 0.2
    assert kept[-1]["pair_ratio"] <= 0.2
