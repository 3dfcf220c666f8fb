"""The limits of Step Functions that a plan has to fit, computed before anything is started."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from ndr.contract.errors import InvalidRequestError
from ndr.contract.wording import counted
from ndr.planner.plan import BaselinesPlan

PAYLOAD_BYTES: Final = 256 * 1024
HISTORY_EVENTS: Final = 25_000

PLAN_BYTES: Final = PAYLOAD_BYTES * 7 // 8  # the rest is for what the Lambda integration wraps around the plan
EVENTS_AROUND: Final = 120  # every state that runs once, with retries
EVENTS_PER_CHUNK: Final = 12  # iteration started and ended, the run's six task events, a failed chunk's own state


def document_bytes(document: Mapping[str, Any]) -> int:
    """Return the size of a document as a machine carries it, in bytes of UTF-8 JSON."""
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())


def history_events(chunks: int) -> int:
    """Return how many events the `baselines` machine writes at most: when every chunk fails."""
    return EVENTS_AROUND + EVENTS_PER_CHUNK * chunks


def check_limits(plan: BaselinesPlan) -> None:
    """Check that one execution can carry the plan.

    Raises
    ------
    InvalidRequestError
        It can't; the sentence says what to write instead.
    """
    size, events = document_bytes(plan.document()), history_events(len(plan.runs))
    if size <= PLAN_BYTES and events <= HISTORY_EVENTS:
        return
    raise InvalidRequestError(
        f"The plan has {counted(len(plan.runs), 'chunk')} with {counted(plan.baselines, 'baseline')}: "
        f"{size / 1024:.0f} KiB of at "
        f"most {PLAN_BYTES // 1024} and up to {counted(events, 'history event')} of at most {HISTORY_EVENTS}. "
        "Write a larger window_days, or split [start, end) over several executions."
    )
