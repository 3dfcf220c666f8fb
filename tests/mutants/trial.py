"""One mutant's trial: a fork of this process imports the mutated module instead of the real one and runs its tests."""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

LIBRARIES = (
    "pytest", "hypothesis", "numba", "numpy", "pyarrow", "pyarrow.compute", "pyarrow.parquet", "pyarrow.fs", "duckdb",
    "boto3", "moto", "pydantic", "aws_lambda_powertools", "ministack_sagemaker.testing",
)  # fmt: skip
PATIENCE_SECONDS = 120
_ALIVE = 0


def prepare() -> None:
    """Import the libraries once, for all forks; nothing of the project, which a fork imports with its mutant."""
    for name in LIBRARIES:
        importlib.import_module(name)
    ours = [name for name in sys.modules if name == "ndr" or name.startswith("ndr.")]
    assert not ours, f"{ours} would not be mutated in a fork"


def source_of(name: str) -> Path:
    """Return the file of a module, without importing it or what it is in."""
    relative = Path(*name.split(".")).with_suffix(".py")
    found = [Path(folder) / relative for folder in sys.path if (Path(folder) / relative).is_file()]
    return found[0]


def survives(name: str, path: Path, tree: ast.Module | None, tests: Sequence[str]) -> bool:
    """Run the tests in a fork, with the module as the tree has it; tell whether they pass."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _silence()
            signal.alarm(PATIENCE_SECONDS)  # a mutant that loops for ever is found, too
            if tree is not None:
                sys.meta_path.insert(0, _Mutated(name, path, tree))
            status = _run(tests)
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == _ALIVE


def _run(tests: Sequence[str]) -> int:
    import pytest

    return int(pytest.main([*tests, "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]))


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module, and makes it from a changed syntax tree."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self._name, self._path, self._tree = name, path, ast.fix_missing_locations(tree)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, str(self._path), "exec"), vars(module))
