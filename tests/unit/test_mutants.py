"""The tool that tries mutants: it tells a mutant that a test kills from one that survives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.mutants.modules import LEFT_OUT, MODULES
from tests.mutants.mutations import mutants
from tests.mutants.verdict import fails, judge, read_survivors, summary

ROOT = Path(__file__).parents[2]

MODULE = """
LIMIT = 3

def is_long(length):
    return length > LIMIT

def is_short(length):
    return length < 1
"""
TESTS = """
from measured import is_long, is_short

def test_long():
    assert is_long(4) and not is_long(3)

def test_short():
    assert is_short(0)
"""
TRIAL = """
import sys
from pathlib import Path
from tests.mutants.mutations import mutants
from tests.mutants.trial import Mutated, survivors

path = Path(sys.argv[1])
found = [Mutated("measured", path, mutant) for mutant in mutants(path.read_text())]
for each in survivors(found, ["test_measured.py"]) or ():
    print(each.mutant.line, each.mutant.change, sep=": ")
print(len(found))
"""


def test_mutants_of_a_constant_and_of_functions_are_killed_or_survive(tmp_path: Path) -> None:
    module = tmp_path / "measured.py"
    module.write_text(MODULE)
    (tmp_path / "test_measured.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{tmp_path}", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-c", TRIAL, str(module)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    # The constant, run at import, and the limits of both functions; the test of the second does not try its limit.
    assert done.stdout.splitlines() == ["return length < 1: < -> <=", "return length < 1: 1 -> 2", "6"]


THREADS, LIMIT = ("THREADS = 8", "8 -> 9", 0), ("if size <= LIMIT:", "<= -> <", 0)


def test_an_equivalent_survivor_is_reported_apart_and_does_not_count() -> None:
    verdict = judge("measured", 20, [THREADS], {THREADS: "equivalent"})
    assert not fails([verdict])
    assert verdict.lines() == ["measured: 20 mutants, 0 survive, 1 equivalent"]
    assert summary([verdict])[1].startswith("Of the other 19, 0 survive (0.0 %;")


def test_a_survivor_that_is_not_listed_fails_however_many_mutants_there_are() -> None:
    verdict = judge("measured", 1000, [THREADS, LIMIT], {THREADS: "equivalent"})
    assert fails([verdict])
    assert verdict.lines()[0] == "measured: <= -> < survives in: if size <= LIMIT:"


@pytest.mark.parametrize(("total", "failing"), [(21, True), (22, False)])
def test_an_untested_survivor_counts_among_the_mutants_that_are_not_equivalent(total: int, failing: bool) -> None:
    verdict = judge("measured", total, [THREADS, LIMIT], {THREADS: "equivalent", LIMIT: "untested"})
    assert fails([verdict]) is failing  # 1 of 20 is 5 %


def test_a_listed_survivor_that_is_killed_is_named() -> None:
    assert judge("measured", 9, [], {LIMIT: "untested"}).wrongly_listed == (LIMIT,)


@pytest.mark.parametrize("entry", [{"kind": "harmless", "reason": "None."}, {"kind": "equivalent", "reason": ""}])
def test_a_listed_survivor_has_a_kind_and_a_reason(entry: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="kind of equivalent or untested"):
        read_survivors({"measured": [{"line": "LIMIT = 3", "change": "3 -> 4", **entry}]})


def test_every_module_of_the_planner_is_tried_or_left_out_with_a_reason() -> None:
    files = (ROOT / "lambdas/ndr/planner").glob("*.py")
    planner = {f"ndr.planner.{file.stem}" for file in files if any(mutants(file.read_text()))}
    assert planner == {name for name in (*MODULES, *LEFT_OUT) if name.startswith("ndr.planner.")}
    assert not LEFT_OUT.keys() & MODULES.keys()


def test_the_tests_of_every_module_exist() -> None:
    files = {test.partition("::")[0] for tests in MODULES.values() for test in tests}
    assert [file for file in sorted(files) if not (ROOT / file).is_file()] == []
