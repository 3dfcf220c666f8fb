"""The chart library inside the page is the one that npm publishes."""

from __future__ import annotations

import json
from hashlib import sha256
from importlib.resources import files

import pytest
from tests.report.conftest import ROOT, package

VENDOR = files("ndr.report") / "vendor"
DIGESTS = {
    "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_file_is_the_published_one(name: str) -> None:
    content = (VENDOR / name).read_bytes()
    assert sha256(content).hexdigest() == DIGESTS[name]
    # npm has compared its package with the integrity in the lock file, which is the registry's.
    assert content == package(f"uplot/dist/{name}").read_bytes()


def test_its_licence_is_beside_it_and_its_version_in_the_page() -> None:
    assert "MIT License" in (VENDOR / "uPlot.LICENSE").read_text()
    lock = json.loads((ROOT / "requirements" / "report-page" / "package-lock.json").read_text())
    version = lock["packages"]["node_modules/uplot"]["version"]
    assert lock["packages"]["node_modules/uplot"]["integrity"].startswith("sha512-")
    assert f"uPlot {version} (MIT)" in (files("ndr.report") / "page.js").read_text()
