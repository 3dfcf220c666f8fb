"""The pictures of docs/report.md and README.md: `python -m tests.report.pictures .ndr/report.html` takes them anew."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from tests.report.conftest import CHROMIUM, ROOT

FOLDER: Final = ROOT / "docs" / "pictures"
LARGEST: Final = 200_000
"""Bytes of a picture."""


def take(report: Path) -> None:
    """Take each picture of a report: of the views in light and dark, and of two of them on a phone."""
    with sync_playwright() as playwright:
        path = next(found for name in CHROMIUM if (found := shutil.which(name)))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        first = opened(browser, report, "light", 1160).locator(".card h3 a").first.get_attribute("href") or ""
        for name, view, scheme, height in (
            ("report-findings", "#findings", "light", 960),
            ("report-host", first, "light", 1230),
            ("report-data", "#data", "dark", 1240),
            ("report-on-call", "#operations", "light", 1080),
        ):
            tab = opened(browser, report, scheme, 1160, height, view)
            if view == "#operations":
                tab.locator("details.run summary").nth(1).click()
            save(name, tab.screenshot())
        save(
            "report-phone",
            beside([phone(browser, report, "light", "#findings"), phone(browser, report, "dark", first)]),
        )
        browser.close()


def opened(browser: Browser, report: Path, scheme: str, width: int, height: int = 900, view: str = "") -> Page:
    """Open a view of a report, and wait until it is drawn."""
    tab = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})  # type: ignore[arg-type]
    tab.goto(f"{report.resolve().as_uri()}{view}")
    tab.wait_for_selector("html[data-ready]")
    tab.wait_for_timeout(300)
    return tab


def phone(browser: Browser, report: Path, scheme: str, view: str) -> Image.Image:
    """Take what a phone shows of a view."""
    return Image.open(io.BytesIO(opened(browser, report, scheme, 390, 900, view).screenshot()))


def beside(pictures: list[Image.Image]) -> bytes:
    """Put pictures of one height beside each other."""
    gap = 16
    whole = Image.new("RGB", (sum(each.width + gap for each in pictures) - gap, pictures[0].height), "#808894")
    left = 0
    for each in pictures:
        whole.paste(each, (left, 0))
        left += each.width + gap
    stream = io.BytesIO()
    whole.save(stream, "PNG")
    return stream.getvalue()


def save(name: str, content: bytes) -> None:
    """Write a picture as small as it gets without a loss."""
    place = FOLDER / f"{name}.png"
    place.parent.mkdir(exist_ok=True)
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    picture.save(place, optimize=True)
    size = place.stat().st_size
    print(f"{place.relative_to(ROOT)}: {size:,} bytes")
    if size > LARGEST:
        raise SystemExit(f"{place.name} has {size:,} bytes, and a picture may have {LARGEST:,}; make it smaller.")


if __name__ == "__main__":
    take(Path(sys.argv[1]))
