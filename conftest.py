"""Markers of the tests. They follow from a test's folder and its fixtures, so no test declares its own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent

# pytest loads GNU readline, which puts the size of a terminal that is not there into the environment of all processes.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)
    os.unsetenv(_name)

FOLDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "tests/unit": ("unit",),
    "tests/words": ("unit",),
    "tests/jobs": ("jobs",),
    "tests/report": ("jobs",),
    "tests/hostile": ("jobs",),
    "tests/pipelines": ("account",),
    "tests/local": ("account",),
    "tests/statemachines": ("account",),
    "tests/planning": ("account",),
    "tests/faults": ("account", "slow"),
    "tests/iam": ("account", "slow"),
    "tests/fortnight": ("account", "slow"),
    "tests/sam": ("account",),
    "tests/image": ("account", "docker", "slow"),
    "emulator/tests/unit": ("unit",),
    "emulator/tests": ("account",),
}
"""Folder of the tests to their markers. A folder inside another one comes before it."""

FIXTURES: Final[Mapping[str, str]] = {
    "account": "account",
    "java": "spark",
    "jars": "spark",
    "docker": "docker",
    "browser": "browser",
}
"""Fixture that a test uses, also through other fixtures, to the marker that it adds."""

SLOW_MODULES: Final = frozenset(
    {
        "test_demo_end_to_end.py",
        "test_mini_batch_requests.py",
        "test_deploy_registers_pipelines.py",
        "test_one_step_deployed.py",
        "test_publish_killed.py",
        "test_spark_cluster.py",
        "test_upgrade.py",
    }
)
"""Modules that take a minute or more."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import neither test modules nor conftest.py of other folders when only unit tests are selected."""
    if config.option.markexpr != "unit":
        return None
    units = [ROOT / folder for folder, markers in FOLDERS.items() if "unit" in markers]
    related = any(collection_path.is_relative_to(unit) or unit.is_relative_to(collection_path) for unit in units)
    return None if related else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Add the markers before ``-m`` selects by them."""
    for item in items:
        for marker in markers_of(item.path, getattr(item, "fixturenames", ())):
            item.add_marker(marker)


def markers_of(path: Path, fixtures: Sequence[str]) -> set[str]:
    """Return the markers of a test from its file and the names of its fixtures."""
    markers = folder_markers(path)
    if "unit" in markers:
        return markers
    markers |= {marker for fixture, marker in FIXTURES.items() if fixture in fixtures}
    if path.name.startswith("test_spark"):
        markers.add("spark")
    if path.name in SLOW_MODULES:
        markers.add("slow")
    return markers


def folder_markers(path: Path) -> set[str]:
    """Return the markers of a file's folder.

    Raises
    ------
    pytest.UsageError
        The folder has no markers yet.
    """
    inside = path.relative_to(ROOT).as_posix()
    for folder, markers in FOLDERS.items():
        if inside.startswith(f"{folder}/"):
            return set(markers)
    raise pytest.UsageError(f"{inside} is in a folder without markers. Add the folder to FOLDERS in conftest.py.")
