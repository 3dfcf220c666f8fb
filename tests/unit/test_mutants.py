"""The tool that tries mutants: it tells a mutant that a test kills from one that survives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
