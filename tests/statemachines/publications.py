"""Events that wait in a ledger, as jobs write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ndr.contract.datasets import FG_A
from ndr.contract.events import event_attributes, event_key, event_of
from ndr.contract.manifest import Manifest, TableEntry
from ndr.contract.time import SLICE, floor_to


def put_waiting(ledger: Any, project: str, count: int) -> None:
    """Put the events of consecutive slices of FG-A, of runs `run-00` and on, into a ledger table."""
    start = floor_to(datetime.now(UTC), SLICE)  # the table forgets items that are older than a month
    for number in range(count):
        manifest = Manifest(
            dataset=FG_A.name,
            project_name=project,
            feature_spec_version="v1",
            start=start + number * SLICE,
            end=start + (number + 1) * SLICE,
            tables={FG_A.name: TableEntry(rows=0, schema_sha256="s", files=())},
            code_version="c",
            run_id=f"run-{number:02}",
            published_at=start + (number + 2) * SLICE,
        )
        event = event_of(manifest, f"s3://bucket/{project}/{number}")
        assert event is not None
        ledger.put_item(Item={**event_key(event), **event_attributes(event)})
