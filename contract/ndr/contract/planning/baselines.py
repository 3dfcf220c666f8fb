"""The plan of baselines: one REGULAR run, or the windows of a BACKFILL, less what the ledger says is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.jobspecs.item import JobName, JobSpec
from ndr.contract.ledger import ledger_key
from ndr.contract.planning.limits import check_limits
from ndr.contract.planning.pipelines import (
    FG_B_PIPELINE,
    INVENTORY_PIPELINE,
    NOT_USED,
    backfill_parameters,
    fg_b_parameters,
    inventory_parameters,
    regular_parameters,
)
from ndr.contract.planning.windows import cut_windows
from ndr.contract.requests import BaselinesRequest, Reprocess
from ndr.contract.time import DAY, EPOCH, Interval, baseline_ends, floor_to, format_instant

LEDGER_DATASET: Final = "fg_b"

Targets = dict[str, list[datetime]]


def baseline_targets(request: BaselinesRequest, spec: FgBBuilderSpec, now: datetime) -> Targets:
    """Return, for each horizon asked for, the ends of the baselines that the request names.

    REGULAR: its `end`, by default the last midnight at or before `now`. BACKFILL: the ends in [start, end) that the
    JobSpec's cadence gives.
    """
    if request.start is None or request.end is None:  # REGULAR: a BACKFILL without its range was refused
        end = request.end or floor_to(now, DAY)
        return {horizon: [end] for horizon in request.horizons}
    ends = Interval(request.start, request.end)
    return {
        horizon: baseline_ends(ends, spec.cadence.of(horizon), spec.cadence.weekday) for horizon in request.horizons
    }


def series_of(request: BaselinesRequest, horizon: str) -> str:
    """Return the ledger's partition key for the baselines of a horizon."""
    version = request.feature_spec_version
    return ledger_key(request.project_name, version, LEDGER_DATASET, horizon, EPOCH)["series"]


def plan_baselines(
    request: BaselinesRequest,
    jobspecs: Mapping[JobName, JobSpec],
    targets: Targets,
    statuses: Mapping[str, Mapping[datetime, str]],
    now: datetime,
) -> dict[str, Any]:
    """Plan the pipeline executions that honour a request.

    Parameters
    ----------
    statuses : mapping
        For each horizon, the ledger's status of every baseline that it knows, by end.

    Returns
    -------
    dict
        `pipeline_name` and the `parameters` that all runs share; `runs`, each with the `parameters` it adds and the
        `baselines` it builds, as "horizon end"; `series`, the ledger's partition key by horizon; `inventory`, the run
        of the monthly unload or None; `skipped`; `message`, all of it in a sentence or two. Parameters are held once
        and as objects, not as SageMaker's lists of pairs, because a thousand windows must fit in 256 KiB.

    Raises
    ------
    InvalidRequestError
        The plan does not fit one execution.
    """
    needed = {horizon: _to_build(ends, statuses[horizon], request.reprocess) for horizon, ends in targets.items()}
    skipped = [item for horizon, ends in targets.items() for item in _skipped(horizon, ends, statuses, needed)]
    shared = fg_b_parameters(jobspecs["fg_b_builder"], request.mode)
    plan = {
        "project_name": request.project_name,
        "feature_spec_version": request.feature_spec_version,
        "mode": request.mode,
        "horizon": request.horizon,
        "reprocess": request.reprocess,
        "dry_run": request.dry_run,
        "max_concurrency": request.max_concurrency,
        "pipeline_name": FG_B_PIPELINE,
        "parameters": shared if request.mode == "REGULAR" else {**shared, "BaselineEndTsIso": NOT_USED},
        "series": {horizon: series_of(request, horizon) for horizon in targets},
        "runs": _regular_runs(needed) if request.mode == "REGULAR" else _backfill_runs(request, targets, needed),
        "baselines": sum(len(ends) for ends in needed.values()),
        "inventory": _inventory(request, jobspecs, targets, now),
        "skipped": skipped,
    }
    check_limits(plan)
    return {**plan, "message": _message(plan)}


def _to_build(ends: Sequence[datetime], statuses: Mapping[datetime, str], reprocess: Reprocess) -> list[datetime]:
    skipped_statuses = {
        "none": {"running", "completed", "failed", "insufficient_history"},
        "failed": {"completed"},
        "completed": set(),
    }[reprocess]
    return [end for end in ends if statuses.get(end) not in skipped_statuses]


def _skipped(
    horizon: str,
    ends: Sequence[datetime],
    statuses: Mapping[str, Mapping[datetime, str]],
    needed: Mapping[str, Sequence[datetime]],
) -> list[dict[str, Any]]:
    """Return the skipped stretches of a horizon: consecutive ends of one status are one item."""
    building = set(needed[horizon])
    stretches = groupby(ends, key=lambda end: None if end in building else statuses[horizon][end])
    listed = [(status, list(stretch)) for status, stretch in stretches]
    return [
        {
            "horizon": horizon,
            "status": status,
            "first": format_instant(stretch[0]),
            "last": format_instant(stretch[-1]),
            "count": len(stretch),
        }
        for status, stretch in listed
        if status is not None
    ]


def _regular_runs(needed: Mapping[str, Sequence[datetime]]) -> list[dict[str, Any]]:
    horizons = [horizon for horizon, ends in needed.items() if ends]
    if not horizons:
        return []
    end = needed[horizons[0]][0]
    horizon = horizons[0] if len(horizons) == 1 else "both"
    return [_run(regular_parameters(horizon, end), [(name, end) for name in horizons])]


def _backfill_runs(
    request: BaselinesRequest, targets: Targets, needed: Mapping[str, Sequence[datetime]]
) -> list[dict[str, Any]]:
    windows = cut_windows(targets, {horizon: set(ends) for horizon, ends in needed.items()}, request.window_days)
    return [_run(backfill_parameters(window.horizon, window.ends), window.baselines) for window in windows]


def _run(parameters: dict[str, str], baselines: Sequence[tuple[str, datetime]]) -> dict[str, Any]:
    return {
        "parameters": parameters,
        "baselines": [f"{horizon} {format_instant(end)}" for horizon, end in baselines],
    }


def _inventory(
    request: BaselinesRequest, jobspecs: Mapping[JobName, JobSpec], targets: Targets, now: datetime
) -> dict[str, Any] | None:
    if not request.inventory:
        return None
    last = max((end for ends in targets.values() for end in ends), default=now)
    month = request.reference_month or f"{last:%Y-%m}"
    return {
        "pipeline_name": INVENTORY_PIPELINE,
        "parameters": inventory_parameters(jobspecs["machine_inventory_unload"], month),
    }


def _message(plan: Mapping[str, Any]) -> str:
    sentences = [
        f"{plan['baselines']} baselines of {plan['project_name']} {plan['feature_spec_version']} to build in "
        f"{len(plan['runs'])} pipeline executions."
    ]
    if plan["inventory"]:
        month = plan["inventory"]["parameters"]["ReferenceMonthIso"]
        sentences.insert(0, f"The machine inventory of {month} is unloaded first.")
    counts: dict[str, int] = {}
    for item in plan["skipped"]:
        counts[item["status"]] = counts.get(item["status"], 0) + item["count"]
    for status, count in counts.items():
        word = "completed" if status == "completed" else "failed"
        sentences.append(f'{count} are {status} and skipped; write "reprocess": "{word}" to build them.')
    return " ".join(sentences)
