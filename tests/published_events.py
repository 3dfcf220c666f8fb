"""Checks an event, as a consumer gets it, against the schema in `events/published`."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema

from ndr.contract.events import publication_id
from tests.template import ROOT

FOLDER = ROOT / "events" / "published"


def check_event(event: dict[str, Any]) -> None:
    """Check an event of EventBridge."""
    assert event["source"] == "ndr.pipelines"
    _validator(event["detail-type"]).validate(event["detail"])
    assert event["detail"]["id"] == publication_id(event["detail"]["dataset"], event["detail"]["run_id"])


@cache
def _validator(detail_type: str) -> Any:
    schema = json.loads((FOLDER / f"{detail_type}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, format_checker=checker)
