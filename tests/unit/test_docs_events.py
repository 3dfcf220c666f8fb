"""docs/events.md and the schemas in events/published are what the contract declares; this module writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import yaml
from tests.published_events import FOLDER, check_event
from tests.template import ROOT

from ndr.contract.events import EVENTS, SOURCE, Publication, event_of
from ndr.contract.manifest import Manifest, TableEntry
from ndr.contract.time import SLICE, parse_instant

PAGE: Final = ROOT / "docs" / "events.md"
BLOCK: Final = re.compile(r"(<!-- fields -->\n).*?(<!-- /fields -->\n)", re.DOTALL)
MODELS: Final = tuple(dict.fromkeys(EVENTS.values()))


def schema(model: type[Publication]) -> dict[str, Any]:
    """The JSON schema of an event's detail."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**dialect, **model.model_json_schema(mode="serialization")}


def files() -> Iterator[tuple[str, str]]:
    """Name and text of each schema."""
    for model in MODELS:
        yield f"{model.__name__}.schema.json", json.dumps(schema(model), indent=2) + "\n"


def page(text: str) -> str:
    """The page with the fields as they are declared."""
    rows = [f"| `{name}` | {field.description} |" for name, field in Publication.model_fields.items()]
    for model in MODELS:
        own = [name for name in model.model_fields if name not in Publication.model_fields]
        rows += [f"| `{name}` ({model.__name__}) | {model.model_fields[name].description} |" for name in own]
    table = "| field | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"
    return BLOCK.sub(lambda found: found[1] + table + found[2], text)


def test_the_schemas_are_what_the_contract_declares() -> None:
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == dict(files()), (
        "write them anew: python -m tests.unit.test_docs_events"
    )


def test_the_page_has_every_field_and_every_event() -> None:
    text = PAGE.read_text()
    assert text == page(text), "write it anew: python -m tests.unit.test_docs_events"
    for dataset, model in EVENTS.items():
        assert re.search(rf"\| `{model.__name__}` \|.*`{dataset}`", text)


def test_the_examples_of_the_page_are_events_and_a_rule_of_cloudformation() -> None:
    text = PAGE.read_text()
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    check_event(json.loads(example))
    (rule,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    resources = yaml.load(rule.replace("!GetAtt ", ""), yaml.SafeLoader)
    pattern = resources["AlertOnFindings"]["Properties"]["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == ([SOURCE], ["FindingsPublished"])


@pytest.mark.parametrize("dataset", EVENTS)
def test_an_event_names_its_publication_and_has_the_same_id_each_time(dataset: str) -> None:
    start = parse_instant("2026-01-05T06:15:00Z")
    manifest = Manifest(
        dataset=dataset,
        project_name="ndr-test",
        feature_spec_version="v1",
        start=start,
        end=start + SLICE,
        tables={dataset: TableEntry(rows=0, schema_sha256="s", files=())},
        code_version="c",
        run_id="20260105T063501Z-0123456789ab",
        published_at=start + 2 * SLICE,
    )
    facts = {"horizon": "7d"} if dataset == "fg_b" else {}
    event, again = (event_of(manifest, "s3://bucket/partition", **facts) for _ in range(2))
    other = event_of(manifest.model_copy(update={"run_id": "another"}), "s3://bucket/partition", **facts)
    assert event
    assert other
    assert event == again
    assert event.id != other.id
    sent = {"source": SOURCE, "detail-type": type(event).__name__, "detail": json.loads(event.model_dump_json())}
    check_event(sent)


def test_a_dataset_that_is_not_told_of_has_no_event() -> None:
    start = parse_instant("2026-01-01")
    manifest = Manifest(
        dataset="machine_inventory",
        project_name="ndr-test",
        feature_spec_version="v1",
        start=start,
        end=start + SLICE,
        tables={},
        code_version="c",
        run_id="r",
        published_at=start,
    )
    assert event_of(manifest, "s3://bucket/partition") is None


if __name__ == "__main__":
    for name, text in files():
        (FOLDER / name).write_text(text)
    PAGE.write_text(page(PAGE.read_text()))
