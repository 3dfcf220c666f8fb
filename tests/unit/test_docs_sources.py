"""docs/sources.md: what it lists is what there is, and a source that is added by it works."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from tests.unit.logs import flows_and_rejects

from ndr.contract.jobspecs import delta_builder
from ndr.contract.jobspecs.delta_builder import AUTO, SOURCE_NAMES, DeltaBuilderSpec
from ndr.local.ingest import ingest
from ndr.sources import registry

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text()
LINES = (
    "1769839384 10.0.0.1:50000 > 192.0.2.9:443 tcp pass 100/200",
    "1769839385 10.0.0.1:50001 > 192.0.2.9:22 tcp block 60/0",
    "1769839386 nowhere:50001 > 192.0.2.9:22 tcp block 60/0",
    "garbage",
)


def blocks(language: str) -> list[str]:
    return [textwrap.dedent(text) for text in re.findall(rf"^ *```{language}\n(.*?)^ *```", PAGE, re.S | re.M)]


def test_the_page_lists_the_sources() -> None:
    listed = re.findall(r"^\| (\w+) \|", PAGE.partition("## Settings")[0], re.M)
    assert listed == [*SOURCE_NAMES, AUTO]
    assert sorted(registry.SOURCES) == SOURCE_NAMES


def test_the_job_spec_of_the_page_is_valid() -> None:
    (document,) = blocks("json")
    assert DeltaBuilderSpec.model_validate(json.loads(document)).time_zone == "Europe/Berlin"


@pytest.fixture
def toywall(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source of the page, added in the three places that it names."""
    (code,) = blocks("python")
    module = ModuleType("ndr.sources.toywall")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "toywall.py", "exec"), vars(module))
    monkeypatch.setattr(delta_builder, "SOURCE_NAMES", [*SOURCE_NAMES, "toywall"])
    monkeypatch.setitem(registry.SOURCES, "toywall", module.TOYWALL)


@pytest.mark.usefixtures("toywall")
@pytest.mark.parametrize("source", ["toywall", "auto"])
def test_a_source_that_is_added_by_the_page_is_read(tmp_path: Path, source: str) -> None:
    path = tmp_path / "wall.txt"
    path.write_text("\n".join(LINES))
    flows, rejected = flows_and_rejects(path, source=source)
    assert [(flow["destination_port"], flow["event_action"], flow["source_bytes"]) for flow in flows] == [
        (443, "allow", 100), (22, "deny", 60),
    ]  # fmt: skip
    assert flows[0]["event_end"] == datetime(2026, 1, 31, 6, 3, 4, tzinfo=UTC)
    assert [row["reason"] for row in rejected] == [
        "bad_source_ip: 'nowhere' is not an IP address", "bad_line: the line is not Toywall's",
    ]  # fmt: skip


@pytest.mark.usefixtures("toywall")
def test_a_source_that_is_added_by_the_page_is_ingested(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/wall.txt").write_text("\n".join(LINES))
    report = ingest(tmp_path / "logs", f"file://{tmp_path}/out")
    assert [(file.source, file.certainty, file.rows_out, file.rejected) for file in report.files] == [
        ("toywall", 0.9, 2, 2)
    ]
