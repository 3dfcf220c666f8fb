"""The page in a headless Chromium: clicked through, without a network, by its numbers, and checked by axe-core."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.report.built import NAME, built_project, jobspecs_of
from tests.report.reading import Page as Read
from tests.report.test_report_numbers import LEDGER
from tests.report.thousand import HOSTS, thousand_hosts

from ndr.report.collect import collect
from ndr.report.executions import Execution
from ndr.report.page import page
from ndr.report.spans import Span

NOW = datetime(2026, 1, 20, tzinfo=UTC)
START = datetime(2026, 1, 19, tzinfo=UTC)
FAILED = Execution(
    "mini_batch", "e1", "arn:e1", "FAILED", START, NOW, "{}", 7, 2,
    "PipelineFailedError: FGABuilderStep ran out of memory.",
    (Span("step", "p", "ndr-15m-pipeline", "FGABuilderStep", START, NOW, "Failed", 86400.0),),
)  # fmt: skip
BYTES = 3_000_000
NODES = 3_000


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("browser")
    project = built_project(root)
    place = root / "report.html"
    place.write_text(page(collect(jobspecs_of(project), [FAILED], LEDGER, days=10, now=NOW)))
    return place


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("large") / "report.html"
    place.write_text(page(thousand_hosts()))
    return place


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab without a network, whose errors fail the test."""
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900})
    opened, said = context.new_page(), []
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    yield opened
    context.close()
    assert said == []


def open_report(tab: Page, place: Path, view: str = "") -> None:
    tab.goto(f"{place.as_uri()}{view}")
    tab.wait_for_selector("html[data-ready]")


def test_from_a_finding_to_its_chart(tab: Page, small: Path) -> None:
    open_report(tab, small)
    hosts = Read.of(small.read_text()).hosts
    first, findings = hosts["hosts"][0], [row[4][7] for row in hosts["hosts"] if len(row) > 4 and row[4][0]]
    card = tab.locator(".card").first
    expect(card).to_contain_text(first[0])
    expect(card.locator(".badge.bad")).to_have_count(first[4][7])
    expect(tab.locator(".lead")).to_contain_text(f"{sum(findings)} host")
    expect(card.locator(".score strong")).to_have_text(f"{first[4][0]:.1f}")
    for clause in first[4][4].removesuffix(".").split("; "):
        expect(card).to_contain_text(clause)
    card.locator(".reasons a").first.click()
    expect(tab.locator("h1")).to_contain_text(first[0])
    expect(tab.locator("h1")).to_be_focused()
    metric, role, window = first[4][5][0][:3]
    assert tab.locator("#metric option:checked").inner_text() == f"{metric} ({role}, {window})"
    assert tab.evaluate(
        "document.querySelector('.chart canvas').getContext('2d').getImageData(0, 0, 400, 200).data.some(Boolean)"
    )
    tab.get_by_text("The values as a table").click()
    expect(tab.locator(".chart ~ div table tbody tr")).to_have_count(96)
    tab.get_by_role("link", name="All findings").click()
    expect(tab.locator("h1")).to_have_text("Findings")


def test_table_of_a_chart_has_the_numbers_of_the_data(tab: Page, small: Path) -> None:
    read = Read.of(small.read_text())
    (host, metric, role, window), (values, _) = next(
        (key, numbers)
        for key, numbers in read.drawn().items()
        if key[1:] == ("sessions_cnt", "outbound", "1h") and numbers[0].any()
    )  # fmt: skip
    number = [row[:3] for row in read.hosts["series"]].index([metric, role, window])
    open_report(tab, small, f"#host/{host}/{number}")
    tab.get_by_text("The values as a table").click()
    cells = tab.locator(".chart ~ div table tbody tr td:nth-child(2)")
    expect(cells).to_have_count(96)
    assert [float(text) for text in cells.all_inner_texts()] == list(values)
    slot = int(values.argmax())
    expect(tab.locator(".readout")).to_contain_text(f"value {values[slot]:g}")
    tab.locator("#slot").focus()
    tab.keyboard.press("Home")
    expect(tab.locator(".readout")).to_contain_text(f"value {values[0]:g}")


def test_data_engineer_finds_coverage_quarantine_and_lineage(tab: Page, small: Path) -> None:
    open_report(tab, small)
    tab.get_by_role("link", name="Data").click()
    expect(tab.locator("h1")).to_have_text("Data")
    deltas = tab.locator("table.calendar tbody tr").first
    expect(deltas.locator("td")).to_have_count(10)
    expect(deltas.locator("td").last).to_contain_text("deltas, 2026-01-17: 4.17 % covered, 1 partition")
    expect(tab.get_by_role("region", name="Quarantined rows by reason").locator("tbody tr")).to_have_count(2)
    expect(tab.locator(".lineage h3")).to_contain_text("7d, end 2026-01-17 00:00")
    expect(tab.locator(".chain").first).to_contain_text("1 file")


def test_on_call_reads_why_it_failed(tab: Page, small: Path) -> None:
    open_report(tab, small, "#operations")
    expect(tab.locator(".failures li")).to_contain_text("FGABuilderStep ran out of memory.")
    tab.locator("details.run summary").click()
    expect(tab.locator(".gantt tbody tr")).to_contain_text("FGABuilderStep")
    expect(tab.locator(".run summary")).to_contain_text("7 polls, 2 retries")
    expect(tab.locator("table.calendar tbody tr")).to_contain_text("7d, end 2026-01-16: failed, no luck")


def test_name_of_a_machine_is_text(tab: Page, small: Path) -> None:
    open_report(tab, small, "#host/10.0.1.1")
    expect(tab.locator("h1")).to_contain_text(NAME)
    assert tab.locator("img").count() == 0
    assert "taken" not in tab.title().replace(NAME, "")


@pytest.mark.parametrize("width", [1200, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(browser: Browser, axe: str, small: Path, scheme: Any, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844}, bypass_csp=True)
    tab = context.new_page()
    open_report(tab, small)
    tab.evaluate(axe)
    host = Read.of(small.read_text()).hosts["hosts"][0][0]
    for view in ("#findings", f"#host/{host}", "#data", "#operations"):
        tab.evaluate("view => { location.hash = view }", view)
        tab.wait_for_function("view => document.querySelector('h1') && location.hash === view", arg=view)
        tab.wait_for_timeout(50)
        for summary in tab.locator("summary").all():
            summary.click()
        found = tab.evaluate("() => axe.run(document)")["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], view
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, view
    context.close()


def test_keyboard_reaches_every_view(tab: Page, small: Path) -> None:
    open_report(tab, small)
    reached = []
    for _ in range(8):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.textContent"))
    assert reached[:4] == ["Skip to the content", "Findings", "Data", "On call"]
    assert "Filter" in tab.evaluate("[...document.querySelectorAll('label')].map((each) => each.textContent)")


def test_thousand_hosts_stay_small(tab: Page, large: Path, record_property: Callable[[str, object], None]) -> None:
    assert large.stat().st_size < BYTES
    started = time.monotonic()
    open_report(tab, large)
    record_property("seconds until the page is ready", time.monotonic() - started)
    expect(tab.locator("h2").first).to_contain_text("Hosts that deviate")
    for view in ("#findings", f"#host/{Read.of(large.read_text()).hosts['hosts'][500][0]}", "#data", "#operations"):
        tab.evaluate("view => { location.hash = view }", view)
        tab.wait_for_timeout(100)
        assert tab.evaluate("document.querySelectorAll('*').length") < NODES, view
    tab.evaluate("location.hash = '#findings'")
    expect(tab.locator(".card")).to_have_count(10)
    tab.locator("#filter").fill("WS-0777")
    expect(tab.locator(".card")).to_have_count(1)
    expect(tab.locator("#hosts")).to_contain_text(f"{HOSTS:,}")
