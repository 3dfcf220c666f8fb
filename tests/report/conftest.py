"""A headless Chromium, and what checks that a page is accessible."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT: Final = Path(__file__).parents[2]
CHROMIUM: Final = ("chromium", "chromium-browser", "google-chrome")
PACKAGES: Final = ROOT / ".tools" / "report-page" / "node_modules"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine; it ends with the module, as no other event loop runs in this thread meanwhile."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("the page in a browser needs Chromium, and there is none; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    return package("axe-core/axe.min.js").read_text()


def package(path: str) -> Path:
    """A file of an npm package; npm has compared it with the integrity in requirements/report-page."""
    found = PACKAGES / path
    if not found.is_file():
        pytest.skip(f"{path} needs npm, and is not there; with npm, make test installs it")
    return found
