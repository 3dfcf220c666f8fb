"""Trials of mutants. Each runs in a fork, so that no mutant outlives its trial.

The tests of a module are collected once, and run once to see which lines each of them runs. A mutant of a function is
then put into a fork of that process, in the place of the function's code, and only the tests that run its line are run.
A mutant of what runs at import (a constant of the module, a default) is imported afresh in a fork.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TypeVar

import pytest
from tests.mutants.mutations import Mutant
from tests.mutants.ran_lines import Line, RanTest, lines_run, run_traced

Result = TypeVar("Result")
Functions = dict[tuple[str, str, int], list[FunctionType]]

LIBRARIES = (
    "hypothesis", "numba", "numpy", "pyarrow", "pyarrow.compute", "pyarrow.parquet", "pyarrow.fs", "duckdb", "boto3",
    "moto", "moto.s3.models", "moto.dynamodb.models", "pydantic", "sqlglot", "aws_lambda_powertools", "xdist.plugin",
    "pytest_timeout", "ministack_sagemaker.testing",
)  # fmt: skip
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-o", "timeout=0")
CPU_SECONDS = 8
"""What a trial may use besides four times what its tests use: a mutant that loops for ever is found, too."""
WALL_SECONDS = 600
"""What a trial may last: a mutant that waits for ever is found, too."""


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
    return found[0].resolve()


@dataclass(frozen=True)
class Mutated:
    """A module of which a mutant is tried: its name, its file and the mutant."""

    name: str
    path: Path
    mutant: Mutant

    @property
    def code(self) -> CodeType:
        return compile(self.mutant.tree, str(self.path), "exec")

    @property
    def line(self) -> Line:
        return str(self.path), self.mutant.line_number

    def tests(self, ran: Sequence[RanTest]) -> list[RanTest]:
        """Return the tests that can tell: for a function those that run the line, or else the function."""
        body = {(str(self.path), number) for number in self.mutant.function_lines}
        if not body:
            return sorted(ran, key=lambda each: all(file != str(self.path) for file, _ in each.lines))
        exact = [each for each in ran if self.line in each.lines]
        return exact or [each for each in ran if each.lines & body]


def survivors(found: Sequence[Mutated], tests: Sequence[str]) -> list[Mutated] | None:
    """Return what the tests let pass; None when they fail without a mutation."""
    collected = _in_fork(lambda: _try_collected(found, tests))
    if collected is None:
        return None
    ran, passed = collected
    return [each for each in (found[number] for number in passed) if _imported_survives(each, ran)]


def _imported_survives(mutated: Mutated, ran: Sequence[RanTest]) -> bool:
    """Import the mutated module in a fork and run the tests that can tell; say whether they pass."""
    chosen = mutated.tests(ran)
    names = [each.name for each in chosen]
    files = list(dict.fromkeys(name.split("::")[0] for name in names))

    def trial() -> bool:
        sys.meta_path.insert(0, _Finder(mutated))
        return pytest.main([*files, *OPTIONS], plugins=[_Only(names)]) == 0

    return not chosen or _passes(trial, chosen)


class _Only:
    """A pytest plugin: it runs the named tests only, in the order of the names."""

    def __init__(self, names: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(names)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._places), key=lambda item: self._places[item.nodeid]
        )


def _try_collected(found: Sequence[Mutated], tests: Sequence[str]) -> tuple[list[RanTest], list[int]] | None:
    """Collect the tests and try each mutant; returns what the tests ran, and the numbers of what is not killed.

    What runs at import can't be tried here, and is among the latter.
    """
    trials = _Trials(found)
    pytest.main([*tests, *OPTIONS], plugins=[trials])
    return trials.result


class _Trials:
    """A pytest plugin: instead of running the tests once, it runs them for each mutant, in forks."""

    def __init__(self, found: Sequence[Mutated]) -> None:
        self._found = found
        self._paths = sorted({each.path for each in found})
        self.result: tuple[list[RanTest], list[int]] | None = None

    @pytest.hookimpl(hookwrapper=True)
    def pytest_collection(self) -> Iterator[None]:
        with lines_run(self._paths) as self._at_import:
            yield

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            return True
        ran = _in_fork(lambda: run_traced(session, self._paths))
        if ran is not None:
            functions = _functions_of(self._paths)
            gc.collect()
            gc.freeze()  # what a fork does not touch is not copied
            numbered = enumerate(self._found)
            self.result = ran, [place for place, each in numbered if not self._is_killed(session, each, ran, functions)]
        return True

    def _is_killed(
        self, session: pytest.Session, mutated: Mutated, ran: Sequence[RanTest], functions: Functions
    ) -> bool:
        if not mutated.mutant.is_in_function or mutated.line in self._at_import:
            return False
        items = {item.nodeid: item for item in session.items}
        chosen = mutated.tests(ran)

        def trial() -> bool:
            _replace(functions, mutated.code)
            given = [items[each.name] for each in chosen]
            for item, following in zip(given, [*given[1:], None], strict=True):
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    return False
            return True

        return not _passes(trial, chosen)


def _functions_of(paths: Sequence[Path]) -> Functions:
    """Return the functions that there are of some files, by file, qualified name and first line."""
    names, found = {str(path) for path in paths}, dict[tuple[str, str, int], list[FunctionType]]()
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename in names:
            found.setdefault(_key(each.__code__), []).append(each)
    return found


def _replace(functions: Functions, code: CodeType) -> None:
    for function in functions.get(_key(code), []):
        function.__code__ = code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            _replace(functions, part)


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _passes(trial: Callable[[], bool], chosen: Sequence[RanTest]) -> bool:
    """Tell whether a trial in a fork ends, and says that its tests pass."""
    limit = CPU_SECONDS + 4 * int(sum(each.seconds for each in chosen))
    return _in_fork(trial, limit) is True


def _in_fork(work: Callable[[], Result], cpu_seconds: int | None = None) -> Result | None:
    """Return what the work returns in a fork of this process; None when it fails or does not end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            _silence()
            if cpu_seconds is not None:
                resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
                signal.alarm(WALL_SECONDS)
            answer = pickle.dumps(work())
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(answer)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(answer) if answer else None


def _silence() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module, and makes it from the mutant's syntax tree."""

    def __init__(self, mutated: Mutated) -> None:
        self._mutated = mutated

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutated.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._mutated.path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._mutated.code, vars(module))
