"""Jars of a lock file, kept in the user's cache; a test that needs them is skipped without Java or Maven."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from ndr.contract.errors import InvalidRequestError
from ndr.spark.session import require_java

SPARK_JOBS = Path(__file__).parents[1] / "spark_jobs"


def fetched(lock: Path, what: str) -> list[Path]:
    """Return the jars' paths, or skip the test; `what` it lacks then ends the sentence."""
    try:
        require_java()
    except InvalidRequestError as error:
        pytest.skip(str(error))
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ndr" / "jars"
    try:
        found: list[Path] = _fetch_jars().fetch(lock, folder)
    except OSError as error:
        pytest.skip(f"Maven Central is not reached or there is no mvn ({error}), so there is no {what} for Spark.")
    return found


def _fetch_jars() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_jars", SPARK_JOBS / "fetch_jars.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
