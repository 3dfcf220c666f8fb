"""Compiled functions are kept by the version of the code, wherever its files lie."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.caching import CacheImpl

from ndr.jobs import compiled
from ndr.local.deployment.compile_ahead import compile_ahead
from ndr.pipeline.bundle.code import CodeBundle

WHAT_HAPPENED = """
from ndr.jobs.fg_a.windows import _list_windows as function
print(len(function.stats.cache_hits), len(function.stats.cache_misses))
"""


def unpack(bundle: CodeBundle, folder: Path) -> Path:
    for path, content in bundle.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def import_windows(folder: Path, cache: Path, version: str | None) -> tuple[int, int]:
    """Import a module with one compiled function; returns how many were loaded, and how many compiled."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "NDR_", "PYTHON"))}
    environment = clean | {"NUMBA_CACHE_DIR": str(cache)} | ({"NDR_CODE_VERSION": version} if version else {})
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {WHAT_HAPPENED}"]
    printed = subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True).stdout
    loaded, missed = printed.split()
    return int(loaded), int(missed)


@pytest.fixture(scope="module")
def bundle() -> CodeBundle:
    return CodeBundle.of_installed_packages()


def test_a_second_folder_of_the_same_version_compiles_nothing(bundle: CodeBundle, tmp_path: Path) -> None:
    first, second = unpack(bundle, tmp_path / "first"), unpack(bundle, tmp_path / "second")
    assert import_windows(first, tmp_path / "cache", "v1") == (0, 1)
    assert import_windows(second, tmp_path / "cache", "v1") == (1, 0)
    assert import_windows(second, tmp_path / "cache", "v2") == (0, 1), "a constant of another file may have changed"


def test_without_a_version_functions_are_kept_by_their_folder(bundle: CodeBundle, tmp_path: Path) -> None:
    first, second = unpack(bundle, tmp_path / "first"), unpack(bundle, tmp_path / "second")
    assert import_windows(first, tmp_path / "cache", None) == (0, 1)
    assert import_windows(second, tmp_path / "cache", None) == (0, 1)
    assert import_windows(second, tmp_path / "cache", None) == (1, 0)


def test_what_is_compiled_ahead_is_found_by_the_jobs(bundle: CodeBundle, tmp_path: Path) -> None:
    assert compile_ahead(tmp_path / "cache").wait() == 0
    assert import_windows(unpack(bundle, tmp_path / "code"), tmp_path / "cache", bundle.digest) == (1, 0)


def test_every_module_with_a_compiled_function_is_compiled_ahead(bundle: CodeBundle) -> None:
    having = {path for path, content in bundle.files.items() if re.search(rb"^@numba\.n?jit", content, re.MULTILINE)}
    of_backfills = {"ndr/jobs/fg_b/bit_planes.py"}
    assert {f"{name.replace('.', '/')}.py" for name in compiled.KERNELS} == having - of_backfills


def test_numbas_own_locators_follow_in_its_order() -> None:
    named = os.environ["NUMBA_CACHE_LOCATOR_CLASSES"].split(",")
    assert named == ["ndr.jobs.compiled.ByVersion", *(each.__name__ for each in CacheImpl._locator_classes)]
