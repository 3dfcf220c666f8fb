"""The ledger: one item per (project, dataset, horizon, as-of), what was built of it and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from ndr.contract.time import format_instant

LedgerStatus = Literal["running", "completed", "failed", "insufficient_history"]


def ledger_key(
    project_name: str, feature_spec_version: str, dataset: str, horizon: str, as_of: datetime
) -> dict[str, str]:
    """Return the key of a baseline in the ledger table.

    The partition key is `project#version#dataset#horizon`, the sort key the as-of instant, so that one query reads a
    range of baselines in time order.
    """
    return {
        "series": f"{project_name}#{feature_spec_version}#{dataset}#{horizon}",
        "as_of": format_instant(as_of),
    }


def ledger_item(key: Mapping[str, str], status: LedgerStatus, **facts: Any) -> dict[str, Any]:
    """Return a ledger item: the key, the status and what is known (execution, manifest, rows, times, reason)."""
    return {**key, "status": status, **{name: fact for name, fact in facts.items() if fact is not None}}
