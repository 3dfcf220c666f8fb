"""What is read on call, as a document."""

from __future__ import annotations

from typing import Any

from ndr.report.collect import Collected
from ndr.report.executions import Execution


def shaped_operations(found: Collected) -> dict[str, Any]:
    """Return the executions with their spans, and the grid of the baselines."""
    return {
        "executions": [_execution(each) for each in found.executions],
        "note": found.note,
        "grid": [[each.horizon, each.end, each.status, each.reason] for each in found.grid],
    }


def _execution(found: Execution) -> dict[str, Any]:
    return {
        "machine": found.machine,
        "name": found.name,
        "arn": found.arn,
        "status": found.status,
        "start": found.start,
        "stop": found.stop,
        "request": found.request,
        "polls": found.polls,
        "retries": found.retries,
        "failure": found.failure,
        "spans": [
            [span.kind, span.within, span.name, span.start, span.end, span.status, round(span.seconds, 1), span.count]
            for span in found.spans
        ],
    }
