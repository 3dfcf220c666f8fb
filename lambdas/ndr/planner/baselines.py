"""The plan of baselines: one REGULAR run, or the windows of a BACKFILL, less what the ledger says is built."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from ndr.contract.history import short_sentence
from ndr.contract.horizons import choice_of
from ndr.contract.jobspecs import FG_B_BUILDER, MACHINE_INVENTORY_UNLOAD
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.jobspecs.item import JobSpecs
from ndr.contract.ledger import LedgerEntry, ledger_key
from ndr.contract.pipelines import (
    FG_B_PIPELINE,
    INVENTORY_PIPELINE,
    MINI_BATCH_PIPELINE,
    NOT_USED,
    backfill_parameters,
    fg_b_parameters,
    fifteen_minute_steps,
    inventory_parameters,
    regular_parameters,
)
from ndr.contract.time import (
    DAY,
    EPOCH,
    Interval,
    baseline_ends,
    floor_to,
    format_instant,
    horizon_interval,
    merged,
    month_text,
)
from ndr.planner.chunks import cut_windows
from ndr.planner.in_progress import Builders, find_builders
from ndr.planner.limits import check_limits
from ndr.planner.report import followed_sentence, in_progress_sentence, stretches
from ndr.planner.requests import BaselinesRequest, Reprocess
from ndr.planner.running import RunningExecution, running_as
from ndr.planner.stale_batches import fills_of_plan, followed_fills_sentences, plan_fills
from ndr.planner.upstream import Upstream

LEDGER_DATASET: Final = "fg_b"

Targets = dict[str, list[datetime]]
Entries = Mapping[str, Mapping[datetime, LedgerEntry]]
Running = Mapping[str, Sequence[RunningExecution]]
"""What runs of each pipeline, by its name; what was not looked for is not there."""

SKIPPED: Final[dict[Reprocess, frozenset[str]]] = {
    "none": frozenset({"in_progress", "abandoned", "completed", "stale", "failed", "insufficient_history"}),
    "failed": frozenset({"in_progress", "completed"}),
    "completed": frozenset({"in_progress"}),
}
"""What each word of `reprocess` leaves out. What somebody else is building is never built beside him."""


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
    jobspecs: JobSpecs,
    targets: Targets,
    entries: Entries,
    now: datetime,
    upstream: Upstream | None = None,
    running: Running | None = None,
) -> dict[str, Any]:
    """Plan the pipeline executions that honour a request.

    Parameters
    ----------
    entries : mapping
        For each horizon, what the ledger knows of its baselines, by end.
    upstream : Upstream, optional
        What is published of the features; without it every horizon is taken to have enough history.
    running : mapping of str to sequence of RunningExecution, optional
        Work that is being done already; what of it the request asks for is followed, not started again.

    Returns
    -------
    dict
        `pipeline_name` and the `parameters` that all runs share; `runs`, each with the `parameters` it adds and the
        `baselines` it builds, as "horizon end", and the `pipeline_execution_arn` that is followed where one builds
        them; `series`, the ledger's partition key by horizon; `inventory`, the run of the monthly unload or None;
        `skipped`; `insufficient`, the baselines whose horizons have too little history, by name with the sentence;
        `fills`, batches to build first, and which of them are followed; `message`, all of it in a few sentences.
        Parameters are held once and as objects, not as SageMaker's lists of pairs, because a thousand windows must fit
        in 256 KiB.

    Raises
    ------
    InvalidRequestError
        The plan does not fit one execution.
    """
    running = running or {}
    spec, steps = jobspecs[FG_B_BUILDER].spec, fifteen_minute_steps(jobspecs)
    shared = fg_b_parameters(jobspecs[FG_B_BUILDER], request.mode)
    builders = find_builders(targets, entries, running.get(FG_B_PIPELINE, ()), shared, spec.cadence)
    wanted = {
        horizon: _to_build(ends, entries[horizon], request.reprocess, builders[horizon])
        for horizon, ends in targets.items()
    }
    followed = _those(wanted, lambda horizon, end: end in builders[horizon])
    needed = _those(wanted, lambda horizon, end: end not in builders[horizon])
    spans = [horizon_interval(horizon, end) for horizon, ends in needed.items() for end in ends]
    rebuilds, fills = (
        plan_fills(running.get(MINI_BATCH_PIPELINE, ()), steps, spans, upstream) if request.fill_upstream else ([], [])
    )
    insufficient = _insufficient(spec, needed, upstream, [*(each.batch for each in rebuilds), *fills])
    needed = _those(needed, lambda horizon, end: _name(horizon, end) not in insufficient)
    built = {horizon: {*followed[horizon], *needed[horizon]} for horizon in targets}
    skipped = [
        item
        for horizon, ends in targets.items()
        for item in _skipped(horizon, ends, entries[horizon], built[horizon], insufficient)
    ]
    runs = [*_followed_runs(request, targets, followed, builders), *_runs(request, targets, needed)]
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
        "runs": runs,
        "baselines": sum(len(ends) for ends in built.values()),
        "inventory": _inventory(request, jobspecs, targets, now, running.get(INVENTORY_PIPELINE, ())),
        "skipped": skipped,
        "fill_pipeline": MINI_BATCH_PIPELINE,
        **fills_of_plan(rebuilds, fills, steps),
        "not_delivered": _not_delivered(targets, upstream) if request.fill_upstream else [],
        "insufficient": insufficient,
        "stale": [],
    }
    check_limits(plan)
    return {**plan, "message": _message(plan)}


def _those(targets: Targets, chosen: Callable[[str, datetime], bool]) -> Targets:
    return {horizon: [end for end in ends if chosen(horizon, end)] for horizon, ends in targets.items()}


def _to_build(
    ends: Sequence[datetime],
    entries: Mapping[datetime, LedgerEntry],
    reprocess: Reprocess,
    builders: Mapping[datetime, str],
) -> list[datetime]:
    """Return what the request asks for, what somebody holds only where he can be followed."""
    return [
        end
        for end in ends
        if end not in entries
        or entries[end].status not in SKIPPED[reprocess]
        or (entries[end].status == "in_progress" and end in builders)
    ]


def _skipped(
    horizon: str,
    ends: Sequence[datetime],
    entries: Mapping[datetime, LedgerEntry],
    building: Collection[datetime],
    insufficient: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return the skipped stretches of a horizon: consecutive ends of one status are one item."""
    items: list[dict[str, Any]] = []
    stretch: list[tuple[datetime, LedgerEntry]] = []
    for end in ends:
        if end in building:
            items += stretches(horizon, stretch)
            stretch = []
        else:
            is_short = _name(horizon, end) in insufficient
            stretch.append((end, LedgerEntry("insufficient_history") if is_short else entries[end]))
    return items + stretches(horizon, stretch)


def _insufficient(
    spec: FgBBuilderSpec,
    needed: Mapping[str, Sequence[datetime]],
    upstream: Upstream | None,
    fills: Sequence[Interval],
) -> dict[str, str]:
    """Return the baselines whose horizons have too little history though all `fills` are built, with a sentence."""
    if upstream is None:
        return {}
    short = {}
    for horizon, ends in needed.items():
        for end in ends:
            interval = horizon_interval(horizon, end)
            share = upstream.coverage(interval, fills)
            if share < spec.min_coverage:
                short[_name(horizon, end)] = short_sentence(horizon, end, share, spec.min_coverage)
    return short


def _not_delivered(targets: Targets, upstream: Upstream | None) -> list[str]:
    """Return the ranges that can't be filled, because no mini-batch was delivered for them."""
    if upstream is None:
        return []
    intervals = merged(horizon_interval(horizon, end) for horizon, ends in targets.items() for end in ends)
    return [str(part) for interval in intervals for part in upstream.not_delivered(interval)]


def _name(horizon: str, end: datetime) -> str:
    return f"{horizon} {format_instant(end)}"


def _followed_runs(
    request: BaselinesRequest, targets: Targets, followed: Mapping[str, Sequence[datetime]], builders: Builders
) -> list[dict[str, Any]]:
    """Cut what pipeline executions build already into runs, each of one execution, with what would build it anew."""
    arns = dict.fromkeys(builders[horizon][end] for horizon, ends in followed.items() for end in ends)
    return [
        {**run, "pipeline_execution_arn": arn}
        for arn in arns
        for run in _runs(
            request,
            targets,
            {horizon: [end for end in ends if builders[horizon][end] == arn] for horizon, ends in followed.items()},
        )
    ]


def _runs(
    request: BaselinesRequest, targets: Targets, needed: Mapping[str, Sequence[datetime]]
) -> list[dict[str, Any]]:
    if request.mode == "REGULAR":
        return _regular_runs(needed)
    windows = cut_windows(targets, {horizon: set(ends) for horizon, ends in needed.items()}, request.window_days)
    return [_run(backfill_parameters(window.horizon, window.ends), window.baselines) for window in windows]


def _regular_runs(needed: Mapping[str, Sequence[datetime]]) -> list[dict[str, Any]]:
    horizons = [horizon for horizon, ends in needed.items() if ends]
    if not horizons:
        return []
    end = needed[horizons[0]][0]
    together = choice_of(horizons)
    runs = [(together, horizons)] if together else [(horizon, [horizon]) for horizon in horizons]
    return [_run(regular_parameters(choice, end), [(name, end) for name in names]) for choice, names in runs]


def _run(parameters: dict[str, str], baselines: Sequence[tuple[str, datetime]]) -> dict[str, Any]:
    return {
        "parameters": parameters,
        "baselines": [_name(horizon, end) for horizon, end in baselines],
    }


def _inventory(
    request: BaselinesRequest,
    jobspecs: JobSpecs,
    targets: Targets,
    now: datetime,
    running: Sequence[RunningExecution],
) -> dict[str, Any] | None:
    if not request.inventory:
        return None
    last = max((end for ends in targets.values() for end in ends), default=now)
    month = request.reference_month or month_text(last)
    parameters = inventory_parameters(jobspecs[MACHINE_INVENTORY_UNLOAD], month)
    arn = running_as(running, parameters)
    return {
        "pipeline_name": INVENTORY_PIPELINE,
        "parameters": parameters,
        **({"pipeline_execution_arn": arn} if arn else {}),
    }


def _message(plan: Mapping[str, Any]) -> str:
    followed = [run for run in plan["runs"] if "pipeline_execution_arn" in run]
    built_elsewhere = sum(len(run["baselines"]) for run in followed)
    sentences = [
        f"{plan['baselines'] - built_elsewhere} baselines of {plan['project_name']} {plan['feature_spec_version']} "
        f"to build in {len(plan['runs']) - len(followed)} pipeline executions."
    ]
    if followed:
        arns = [run["pipeline_execution_arn"] for run in followed]
        sentences.append(followed_sentence(f"{built_elsewhere} are being built", arns))
    if plan["inventory"]:
        month = plan["inventory"]["parameters"]["ReferenceMonthIso"]
        sentences.insert(0, _inventory_sentence(month, plan["inventory"].get("pipeline_execution_arn")))
    fresh = [fill for fill in plan["fills"] if fill["MiniBatchId"] not in plan["followed_fills"]]
    if fresh:
        batches = ", ".join(f"[{fill['BatchStartTsIso']}, {fill['BatchEndTsIso']})" for fill in fresh[:3])
        sentences.insert(0, f"{len(fresh)} batches of missing features are built first: {batches}.")
    sentences[:0] = followed_fills_sentences(plan["followed_fills"])
    if plan["not_delivered"]:
        sentences.append(f"No mini-batch was delivered for {', '.join(plan['not_delivered'][:3])}.")
    held = [item for item in plan["skipped"] if item["status"] == "in_progress"]
    counts: dict[str, int] = {}
    for item in plan["skipped"]:
        if item not in held and not (plan["insufficient"] and item["status"] == "insufficient_history"):
            counts[item["status"]] = counts.get(item["status"], 0) + item["count"]
    for status, count in counts.items():
        word = "completed" if status == "completed" else "failed"
        sentences.append(f'{count} are {status} and skipped; write "reprocess": "{word}" to build them.')
    if plan["insufficient"]:
        first = next(iter(plan["insufficient"].values()))
        sentences.append(
            f"{len(plan['insufficient'])} have too little history and are not run: {first}. "
            'Write "fill_upstream": true to build missing features first, or load more history.'
        )
    return " ".join([*sentences, *([in_progress_sentence(held)] if held else [])])


def _inventory_sentence(month: str, arn: str | None) -> str:
    if arn is None:
        return f"The machine inventory of {month} is unloaded first."
    return followed_sentence(f"The machine inventory of {month} is being unloaded", [arn])
