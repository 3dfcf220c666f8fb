"""The benchmark of rotating addresses on a small network: what is left of the false alarms, and what its page says."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.bench_identity import Size, compare
from benchmarks.identity.page import PAGE, figures
from tests.template import ROOT

SMALL = Size(machines=30, days=9, scored=2, windows=("15m", "1h", "24h"))


def test_at_most_a_fifth_of_the_false_host_alarms_is_left(tmp_path: Path) -> None:
    by_address, by_machine, ratio = compare(tmp_path, 1, SMALL)
    assert by_address["false_alarms"] >= 5, "the addresses show no false alarms to compare with"
    assert 5 * by_machine["false_alarms"] <= by_address["false_alarms"]
    assert by_machine["of_rotating_addresses"] == 0
    assert ratio["ratio"] <= 0.2


def test_the_page_has_the_kept_figures() -> None:
    kept = json.loads((ROOT / "benchmarks" / "results" / "identity.json").read_text())
    assert figures(kept) in PAGE.read_text()
    assert kept[-1]["ratio"] <= 0.2
