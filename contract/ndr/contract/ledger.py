"""The ledger: one item per (project, dataset, horizon, as-of), what was built of it, by whom, and how it ended.

A baseline is leased before it is built: its item gets a holder and a lease, which the holder renews. A job that finds
another's live lease skips the baseline; a lease that ran out, or whose holder has ended, is taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

from botocore.exceptions import ClientError

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import Interval, format_instant, mini_batch_id, parse_instant

LedgerStatus = Literal["running", "completed", "failed", "insufficient_history"]
"""What an item says."""

RowStatus = Literal["in_progress", "abandoned", "completed", "stale", "failed", "insufficient_history", "unreadable"]
"""What an item means now: a running baseline is in progress while its lease lives and abandoned after it, and a
completed one is stale when what it was built from has changed since. An item that breaks a rule is unreadable."""

EXPIRES_AT: Final = "expires_at"
"""The attribute by which DynamoDB deletes an item, in seconds since the epoch. Items of baselines have none: they say
for ever what is built."""
KEPT: Final = timedelta(days=35)
"""How long the item of a partition of slices, or of a batch's claim, is kept: it only has to outlive its execution."""

REBUILT: Final = timedelta(days=31)
"""A REGULAR run builds stale baselines again that ended at most so long before its own."""

UNFINISHED: Final = ("Executing", "Stopping")
"""Statuses of a pipeline execution that has not ended."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A ledger row as of now. `holder` and `until` are of a live lease, `reason` says why a baseline was not built.

    `claimed_at` is when its building last began.
    """

    status: RowStatus
    holder: str | None = None
    until: str | None = None
    reason: str | None = None
    claimed_at: str | None = None


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


def partition_key(project_name: str, feature_spec_version: str, dataset: str, interval: Interval) -> dict[str, str]:
    """Return the key of a partition that answers for an interval: `project#version#dataset`, and its name."""
    return {"series": f"{project_name}#{feature_spec_version}#{dataset}", "as_of": mini_batch_id(interval)}


def batch_claim_key(project_name: str, feature_spec_version: str, batch: Interval) -> dict[str, str]:
    """Return the key of a batch's claim: `project#version#mini_batch`, and the batch by its name."""
    return {"series": f"{project_name}#{feature_spec_version}#mini_batch", "as_of": mini_batch_id(batch)}


def arrival_claim_key(project_name: str, feature_spec_version: str, batch: Interval) -> dict[str, str]:
    """Return the key of the claim of the execution that waits for the files of a batch."""
    key = batch_claim_key(project_name, feature_spec_version, batch)
    return {**key, "as_of": f"{key['as_of']}#arrival"}


def ledger_item(key: Mapping[str, str], status: LedgerStatus, **facts: Any) -> dict[str, Any]:
    """Return a ledger item: the key, the status and what is known (execution, manifest, rows, times, reason)."""
    return {**key, "status": status, **{name: fact for name, fact in facts.items() if fact is not None}}


def expiry(now: datetime) -> int:
    """Return the value of EXPIRES_AT for an item that is written at `now`."""
    return int((now + KEPT).timestamp())


def row_of(item: Mapping[str, Any], now: datetime, is_over: Callable[[str], bool] = lambda holder: False) -> LedgerRow:
    """Return what an item means.

    Parameters
    ----------
    is_over : callable
        Tells whether the holder of a live lease has ended; its lease then counts no longer.
    """
    try:
        return _readable_row(item, now, is_over)
    except InvalidRequestError as error:
        return LedgerRow("unreadable", reason=f"{item.get('series', '')} {item.get('as_of', '')}: {error}".strip())


def _readable_row(item: Mapping[str, Any], now: datetime, is_over: Callable[[str], bool]) -> LedgerRow:
    status, reason, claimed = str(item["status"]), item.get("reason"), item.get("claimed_at")
    if status not in get_args(LedgerStatus):
        raise InvalidRequestError(f"status is {status!r}; allowed are {', '.join(get_args(LedgerStatus))}.")
    if claimed is not None:
        parse_instant(claimed, "claimed_at")
    if status == "running":
        holder, until = str(item.get("holder", "unknown")), item.get("lease_until")
        if until and parse_instant(until, "lease_until") > now and not is_over(holder):
            return LedgerRow("in_progress", holder, until, claimed_at=claimed)
        return LedgerRow("abandoned", reason=f"{holder} did not finish it", claimed_at=claimed)
    if status == "completed":
        return LedgerRow("stale" if _changed_since(item) else "completed", claimed_at=claimed)
    return LedgerRow(status, reason=reason, claimed_at=claimed)  # type: ignore[arg-type]


def _changed_since(item: Mapping[str, Any]) -> bool:
    if "stale_since" not in item:
        return False
    began = item.get("claimed_at")
    return began is None or parse_instant(item["stale_since"]) >= parse_instant(began)


def is_execution(holder: str) -> bool:
    """Tell whether a holder is a pipeline execution; a job that is started by hand is not."""
    return ":pipeline/" in holder


def is_over(sagemaker: Any, holder: str) -> bool:
    """Tell whether a holder is a pipeline execution that has ended.

    If the status cannot be read, the holder is treated as running.
    """
    if not is_execution(holder):
        return False
    try:
        described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=holder)
    except ClientError:
        return False
    return described["PipelineExecutionStatus"] not in UNFINISHED
