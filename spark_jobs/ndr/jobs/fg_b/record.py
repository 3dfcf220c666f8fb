"""What the ledger says of a baseline that was built, or that has too little history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ndr.contract.manifest import Manifest
from ndr.contract.time import format_instant
from ndr.jobs.fg_b.job import Short
from ndr.jobs.identity import processing_job


def ledger_facts(outcome: Manifest | Short) -> dict[str, Any]:
    """Return completed with its facts, or short of history with the reason."""
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
