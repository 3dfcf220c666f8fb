"""From the input of the `baselines` machine to its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ndr.contract.datasets import FG_A, PAIR_COUNTS
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import FG_B_BUILDER, JobSpecs
from ndr.contract.ledger import LedgerRow
from ndr.contract.pipelines import FG_B_PIPELINE, INVENTORY_PIPELINE, batch_pipeline, fifteen_minute_steps
from ndr.contract.time import DAY, SLICE, Interval
from ndr.planner.baselines import (
    STALE_DAYS,
    LedgerRows,
    Running,
    Targets,
    baseline_name,
    baseline_targets,
    plan_baselines,
    series_of,
    with_stale_baselines,
)
from ndr.planner.batches import find_batches_in_progress
from ndr.planner.compaction import with_compaction
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.late import plan_late
from ndr.planner.late_files import SETTLED, find_late
from ndr.planner.plan import BaselinesPlan
from ndr.planner.requests import BaselinesRequest, parse_request
from ndr.planner.services import Services
from ndr.planner.stale_baselines import baselines_stale_by_lineage
from ndr.planner.upstream import Upstream, find_upstream


def plan_requested_baselines(services: Services, document: Any, now: datetime) -> BaselinesPlan:
    """Check a request, plan it, and note in the ledger what the plan leaves out or makes stale.

    Raises
    ------
    InvalidRequestError, JobSpecNotFoundError, JobSpecInvalidError
    """
    request = parse_request(BaselinesRequest, document, now, services.defaults)
    jobspecs = services.jobspecs_of(request)
    make = _plan_late if request.mode == "LATE" else _plan_baselines
    plan, rows = make(services, request, jobspecs, now)
    if not request.dry_run:
        services.note_insufficient(_not_noted(plan.insufficient, rows), plan.series)
        services.mark_stale(plan.stale, plan.series)
    return plan.with_suffix(services.pipeline_name_suffix)


def _not_noted(insufficient: Mapping[str, str], rows: LedgerRows) -> dict[str, str]:
    """Return what the ledger does not say yet."""
    noted = {
        baseline_name(horizon, end): row.reason
        for horizon, known in rows.items()
        for end, row in known.items()
        if row.status == "insufficient_history"
    }
    return {name: reason for name, reason in insufficient.items() if noted.get(name) != reason}


def _plan_baselines(
    services: Services, request: BaselinesRequest, jobspecs: JobSpecs, now: datetime
) -> tuple[BaselinesPlan, LedgerRows]:
    asked = baseline_targets(request, jobspecs[FG_B_BUILDER].spec, now)
    # Before the ledger, where an execution that ends meanwhile is completed.
    running = _running(services, request, jobspecs, now)
    rows = {horizon: _rows_of(services, request, horizon, ends) for horizon, ends in asked.items()}
    targets = with_stale_baselines(request, asked, rows)
    upstream = _upstream(services, jobspecs, targets, request.fill_upstream)
    return plan_baselines(request, jobspecs, targets, rows, now, upstream, running), rows


def _rows_of(
    services: Services, request: BaselinesRequest, horizon: str, ends: list[datetime]
) -> dict[datetime, LedgerRow]:
    """Read the rows of the asked ends; for a REGULAR run also of the days before, whose stale baselines it builds."""
    if not ends:
        return {}
    first = ends[0] - STALE_DAYS * DAY if request.mode == "REGULAR" else ends[0]
    return services.ledger_rows(series_of(request, horizon), first, ends[-1])


def _plan_late(
    services: Services, request: BaselinesRequest, jobspecs: JobSpecs, now: datetime
) -> tuple[BaselinesPlan, LedgerRows]:
    spec = jobspecs[FG_B_BUILDER].spec
    prefixes, end = FeaturePrefixes.of(jobspecs), services.scheduled_until(now - SETTLED)
    since = Interval(min(request.late_from or now - 7 * DAY, end - SLICE), end)
    found = find_late(services.s3, prefixes, since)
    running = services.running(batch_pipeline(jobspecs), now)
    in_progress = find_batches_in_progress(running, fifteen_minute_steps(jobspecs), [since])
    reach = max(HORIZONS[horizon] + spec.safety_gap.of(horizon) for horizon in HORIZONS)
    last = max([now, *(batch.end for batch in found.batches)]) + reach
    rows = {
        horizon: services.ledger_rows(series_of(request, horizon), since.start, last) for horizon in request.horizons
    }
    stale, unreadable = baselines_stale_by_lineage(services.s3, prefixes, rows, found.answers, since)
    found = replace(found, unreadable=(*found.unreadable, *unreadable))
    plan = plan_late(request, jobspecs, found, rows, in_progress, stale)
    return with_compaction(plan, services.s3, jobspecs, prefixes, since), rows


def _running(services: Services, request: BaselinesRequest, jobspecs: JobSpecs, now: datetime) -> Running:
    """List the running executions of the pipelines that the plan can start."""
    batches = batch_pipeline(jobspecs)
    asked = {FG_B_PIPELINE: True, INVENTORY_PIPELINE: request.inventory, batches: request.fill_upstream}
    return {name: services.running(name, now) for name, is_asked in asked.items() if is_asked}


def _upstream(services: Services, jobspecs: JobSpecs, targets: Targets, with_delivered: bool) -> Upstream | None:
    spec = jobspecs[FG_B_BUILDER].spec
    intervals = [spec.interval(horizon, end) for horizon, ends in targets.items() for end in ends]
    if not intervals:
        return None
    span = Interval(min(each.start for each in intervals), max(each.end for each in intervals))
    prefixes = FeaturePrefixes.of(jobspecs)
    # What the job reads and counts its coverage by; the deltas were there when these were built from them.
    published = {FG_A.name: prefixes.fg_a, PAIR_COUNTS.name: prefixes.pair_counts}
    integration = prefixes.integration if with_delivered else None
    return find_upstream(services.s3, published, integration, span, prefixes.layout)
