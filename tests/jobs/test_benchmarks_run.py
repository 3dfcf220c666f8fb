"""Benchmarks at their smallest: they run, their rivals compute the same values, and each stage names a function."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.template import ROOT


def _run(bench: str, scratch: Path, **sizes: object) -> list[dict[str, Any]]:
    environment = {name: str(value) for name, value in sizes.items()}
    own = {"PYTHONPATH": str(ROOT), "BENCH_DATA": str(scratch), "TMPDIR": str(scratch)}
    command = [sys.executable, str(ROOT / "benchmarks" / f"bench_{bench}.py")]
    ran = subprocess.run(command, env=os.environ | own | environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_the_rivals_of_fg_b_publish_the_same_statistics(tmp_path: Path) -> None:
    lines = _run("fg_b", tmp_path, HOSTS=20, ROUNDS=1, ENGINES="ours,chdb,duckdb,polars,floor")
    ran = {line["engine"] for line in lines if "seconds" in line}
    assert ran - {"chdb"} == {"ours", "duckdb", "polars", "floor"}
    assert lines[-1]["ratio_to_best_rival"] > 0


def test_each_stage_of_fg_b_names_functions_that_are_called(tmp_path: Path) -> None:
    called = {line["stage"] for line in _run("fg_b_stages", tmp_path, HOSTS=20, ROUNDS=1)}
    source = (ROOT / "benchmarks" / "bench_fg_b_stages.py").read_text()
    named = re.findall(r'^    "([^"]+)": \(\(', source, re.MULTILINE)
    assert called == {*named, "start Python and import", "the rest, and write the tables"}


def test_the_rival_of_fg_a_computes_the_same_rows(tmp_path: Path) -> None:
    *runs, ratio = _run("fg_a_files", tmp_path, HOSTS=10, ROUNDS=1)
    assert {line["engine"] for line in runs} == {"ours", "duckdb"}
    assert ratio["rows"] > 0
