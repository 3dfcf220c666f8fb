"""Writing what was built into the ledger."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import boto3

from ndr.contract.ledger import ledger_item, ledger_key
from ndr.contract.manifest import Manifest
from ndr.contract.time import format_instant
from ndr.jobs.fg_b.job import Short
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.identity import processing_job
from ndr.jobs.run import Run


def record(run: Run, target: Target, outcome: Manifest | Short) -> None:
    """Put the ledger item of a baseline: completed with its facts, or short of history with the reason.

    The partition is published before, so the ledger never claims what is not there; a run that dies in between is
    found by the next one, which publishes the same again.
    """
    table = boto3.resource("dynamodb").Table(os.environ.get("NDR_LEDGER_TABLE", "ndr-ledger"))
    key = ledger_key(run.project_name, run.feature_spec_version, "fg_b", target.horizon, target.end)
    table.put_item(Item=ledger_item(key, **_facts(outcome)))


def _facts(outcome: Manifest | Short) -> dict[str, Any]:
    at = format_instant(datetime.now(UTC).replace(microsecond=0))
    job = processing_job()
    if isinstance(outcome, Short):
        return {"status": "insufficient_history", "reason": str(outcome), "updated_at": at, "processing_job": job}
    return {
        "status": "completed",
        "run_id": outcome.run_id,
        "rows": {name: table.rows for name, table in outcome.tables.items()},
        "coverage": f"{outcome.coverage:.4f}",  # DynamoDB has no binary floats
        "updated_at": at,
        "processing_job": job,
    }
