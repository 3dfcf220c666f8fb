"""The plan of baselines: one REGULAR run, or the chunks of a BACKFILL, less what the ledger says is built."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, get_args

from ndr.contract.datasets import FG_B
from ndr.contract.history import short_sentence
from ndr.contract.horizons import choice_of
from ndr.contract.jobspecs import FG_B_BUILDER, MACHINE_INVENTORY_UNLOAD, JobSpecs
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.ledger import REBUILT, LedgerRow, RowStatus, ledger_key
from ndr.contract.pipelines import (
    FG_B_PIPELINE,
    INVENTORY_PIPELINE,
    NOT_USED,
    Parameters,
    backfill_parameters,
    batch_pipeline,
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
    merged,
    month_text,
)
from ndr.planner.baselines_message import baselines_message, no_ends_sentence
from ndr.planner.batches import PlannedBatches, plan_missing_batches
from ndr.planner.chunks import cut_chunks
from ndr.planner.in_progress import InProgress, find_in_progress
from ndr.planner.limits import check_limits
from ndr.planner.plan import BaselinesPlan, InventoryRun, PlannedRun, Stretch
from ndr.planner.report import stretches
from ndr.planner.requests import BaselinesRequest, Reprocess
from ndr.planner.running import RunningExecution, running_as
from ndr.planner.upstream import Upstream

STALE_DAYS: Final = REBUILT // DAY
"""How many days before its own baseline a REGULAR run builds stale ones again."""

Targets = dict[str, list[datetime]]
LedgerRows = Mapping[str, Mapping[datetime, LedgerRow]]
Running = Mapping[str, Sequence[RunningExecution]]
"""The executions of each pipeline that have not ended, by its name; a pipeline that was not looked for is absent."""

SKIPPED: Final[dict[Reprocess, frozenset[str]]] = {
    "none": frozenset(get_args(RowStatus)),
    "failed": frozenset({"in_progress", "completed", "unreadable"}),
    "completed": frozenset({"in_progress", "unreadable"}),
}
"""The statuses that each word of `reprocess` skips. A baseline that is in progress is never built a second time."""


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


def with_stale_baselines(request: BaselinesRequest, targets: Targets, rows: LedgerRows) -> Targets:
    """Add to the target of a REGULAR run the stale baselines of its horizons that ended at most STALE_DAYS before it.

    Not with `reprocess` "none", which builds nothing again.
    """
    if request.mode != "REGULAR" or "stale" in SKIPPED[request.reprocess]:
        return targets
    return {
        horizon: [
            *(
                end
                for end, row in sorted(rows[horizon].items())
                if row.status == "stale" and last - STALE_DAYS * DAY <= end < last
            ),
            last,
        ]
        for horizon, (last,) in targets.items()
    }


def series_of(request: BaselinesRequest, horizon: str) -> str:
    """Return the ledger's partition key for the baselines of a horizon."""
    version = request.feature_spec_version
    return ledger_key(request.project_name, version, FG_B, horizon, EPOCH)["series"]


def plan_baselines(
    request: BaselinesRequest,
    jobspecs: JobSpecs,
    targets: Targets,
    rows: LedgerRows,
    now: datetime,
    upstream: Upstream | None = None,
    running: Running | None = None,
) -> BaselinesPlan:
    """Plan the pipeline executions that honour a request.

    Parameters
    ----------
    rows : mapping
        For each horizon, what the ledger knows of its baselines, by end.
    upstream : Upstream, optional
        What is published of the features; without it every horizon is taken to have enough history.
    running : mapping of str to sequence of RunningExecution, optional
        Executions that have not ended; where one does what the request asks for, it is followed.

    Raises
    ------
    InvalidRequestError
        The plan does not fit one execution.
    """
    running, is_regular = running or {}, request.mode == "REGULAR"
    spec, steps = jobspecs[FG_B_BUILDER].spec, fifteen_minute_steps(jobspecs)
    shared = fg_b_parameters(jobspecs[FG_B_BUILDER], request.mode)
    in_progress = find_in_progress(targets, rows, running.get(FG_B_PIPELINE, ()), shared, spec.cadence)
    wanted = {
        horizon: _to_build(ends, rows[horizon], request.reprocess, in_progress[horizon])
        for horizon, ends in targets.items()
    }
    followed = _those(wanted, lambda horizon, end: end in in_progress[horizon])
    needed = _those(wanted, lambda horizon, end: end not in in_progress[horizon])
    spans = [spec.interval(horizon, end) for horizon, ends in needed.items() for end in ends]
    running_batches, batches = (
        plan_missing_batches(running.get(batch_pipeline(jobspecs), ()), steps, spans, upstream)
        if request.fill_upstream
        else ([], [])
    )
    insufficient = _insufficient(spec, needed, upstream, [*(each.batch for each in running_batches), *batches])
    needed = _those(needed, lambda horizon, end: baseline_name(horizon, end) not in insufficient)
    built = {horizon: {*followed[horizon], *needed[horizon]} for horizon in targets}
    planned = PlannedBatches.of(running_batches, batches, steps, request.replace_with_empty)
    plan = BaselinesPlan(
        **plan_facts(request, targets),
        parameters=shared if is_regular else {**shared, "BaselineEndTsIso": NOT_USED},
        runs=[*_followed_runs(request, targets, followed, in_progress), *_runs(request, targets, needed)],
        baselines=sum(len(ends) for ends in built.values()),
        inventory=_inventory(request, jobspecs, targets, now, running.get(INVENTORY_PIPELINE, ())),
        skipped=[
            item
            for horizon, ends in targets.items()
            for item in _skipped(horizon, ends, rows[horizon], built[horizon], insufficient)
        ],
        batch_pipeline=batch_pipeline(jobspecs),
        batches=planned.parameters,
        followed_batches=planned.followed,
        not_delivered=_not_delivered(spec, targets, upstream) if request.fill_upstream else [],
        insufficient=insufficient,
        own=[baseline_name(horizon, ends[-1]) for horizon, ends in targets.items() if ends] if is_regular else [],
    )
    check_limits(plan)
    return plan.model_copy(update={"message": baselines_message(plan, _no_ends(request, spec, targets))})


def _no_ends(request: BaselinesRequest, spec: FgBBuilderSpec, targets: Targets) -> list[str]:
    """Return a sentence for each horizon of which no baseline ends in the range of a BACKFILL."""
    if request.start is None or request.end is None:
        return []
    asked, cadence = Interval(request.start, request.end), spec.cadence
    return [
        no_ends_sentence(horizon, asked, cadence.of(horizon), cadence.weekday)
        for horizon, ends in targets.items()
        if not ends
    ]


def plan_facts(request: BaselinesRequest, horizons: Collection[str]) -> dict[str, Any]:
    """Return the fields of a plan that repeat the request, and the ledger's partition key of each horizon."""
    names = ("project_name", "feature_spec_version", "dry_run", "mode", "horizon", "reprocess", "max_concurrency")
    facts = {name: getattr(request, name) for name in names}
    return {**facts, "series": {horizon: series_of(request, horizon) for horizon in horizons}}


def _those(targets: Targets, chosen: Callable[[str, datetime], bool]) -> Targets:
    return {horizon: [end for end in ends if chosen(horizon, end)] for horizon, ends in targets.items()}


def _to_build(
    ends: Sequence[datetime],
    rows: Mapping[datetime, LedgerRow],
    reprocess: Reprocess,
    in_progress: Mapping[datetime, str],
) -> list[datetime]:
    """Return what the request asks for; a baseline under another's lease only where its holder can be followed."""
    return [
        end
        for end in ends
        if end not in rows
        or rows[end].status not in SKIPPED[reprocess]
        or (rows[end].status == "in_progress" and end in in_progress)
    ]


def _skipped(
    horizon: str,
    ends: Sequence[datetime],
    rows: Mapping[datetime, LedgerRow],
    building: Collection[datetime],
    insufficient: Mapping[str, str],
) -> list[Stretch]:
    """Return the skipped stretches of a horizon: consecutive ends of one status are one item."""
    items: list[Stretch] = []
    stretch: list[tuple[datetime, LedgerRow]] = []
    for end in ends:
        if end in building:
            items += stretches(horizon, stretch)
            stretch = []
        else:
            is_short = baseline_name(horizon, end) in insufficient
            stretch.append((end, LedgerRow("insufficient_history") if is_short else rows[end]))
    return items + stretches(horizon, stretch)


def _insufficient(
    spec: FgBBuilderSpec,
    needed: Mapping[str, Sequence[datetime]],
    upstream: Upstream | None,
    batches: Sequence[Interval],
) -> dict[str, str]:
    """Return the baselines whose horizons have too little history even once `batches` are built, with a sentence."""
    if upstream is None:
        return {}
    short, filled = {}, upstream.with_built(batches)
    for horizon, ends in needed.items():
        for end in ends:
            share = filled.coverage(spec.interval(horizon, end))
            if share < spec.min_coverage:
                short[baseline_name(horizon, end)] = short_sentence(horizon, end, share, spec.min_coverage)
    return short


def _not_delivered(spec: FgBBuilderSpec, targets: Targets, upstream: Upstream | None) -> list[str]:
    """Return the ranges that cannot be filled, because no mini-batch was delivered for them."""
    if upstream is None:
        return []
    intervals = merged(spec.interval(horizon, end) for horizon, ends in targets.items() for end in ends)
    return [str(part) for interval in intervals for part in upstream.not_delivered(interval)]


def baseline_name(horizon: str, end: datetime) -> str:
    """Name a baseline for the machine: `7d 2026-02-01T00:00:00Z`."""
    return f"{horizon} {format_instant(end)}"


def _followed_runs(
    request: BaselinesRequest, targets: Targets, followed: Mapping[str, Sequence[datetime]], in_progress: InProgress
) -> list[PlannedRun]:
    """Cut what pipeline executions already build into runs of one execution each, with what would build it anew."""
    arns = dict.fromkeys(in_progress[horizon][end] for horizon, ends in followed.items() for end in ends)
    return [
        run.model_copy(update={"pipeline_execution_arn": arn})
        for arn in arns
        for run in _runs(
            request,
            targets,
            {horizon: [end for end in ends if in_progress[horizon][end] == arn] for horizon, ends in followed.items()},
        )
    ]


def _runs(request: BaselinesRequest, targets: Targets, needed: Mapping[str, Sequence[datetime]]) -> list[PlannedRun]:
    if request.mode == "REGULAR":
        return _regular_runs(targets, needed)
    chunks = cut_chunks(targets, {horizon: set(ends) for horizon, ends in needed.items()}, request.window_days)
    return [_run(backfill_parameters(chunk.horizon, chunk.ends), chunk.baselines) for chunk in chunks]


def _regular_runs(targets: Targets, needed: Mapping[str, Sequence[datetime]]) -> list[PlannedRun]:
    """Return one run for each end: the run's own first, then the stale baselines of the days before it."""
    last = {horizon: ends[-1] for horizon, ends in targets.items() if ends}
    by_end: dict[datetime, list[str]] = {}
    for horizon, ends in needed.items():
        for end in ends:
            by_end.setdefault(end, []).append(horizon)
    ordered = sorted(by_end.items(), key=lambda each: (each[0] not in last.values(), each[0]))
    return [run for end, horizons in ordered for run in _runs_of_end(end, horizons)]


def _runs_of_end(end: datetime, horizons: Sequence[str]) -> list[PlannedRun]:
    together = choice_of(horizons)
    runs = [(together, horizons)] if together else [(horizon, [horizon]) for horizon in horizons]
    return [_run(regular_parameters(choice, end), [(name, end) for name in names]) for choice, names in runs]


def _run(parameters: Parameters, baselines: Sequence[tuple[str, datetime]]) -> PlannedRun:
    return PlannedRun(parameters=parameters, baselines=[baseline_name(horizon, end) for horizon, end in baselines])


def _inventory(
    request: BaselinesRequest,
    jobspecs: JobSpecs,
    targets: Targets,
    now: datetime,
    running: Sequence[RunningExecution],
) -> InventoryRun | None:
    if not request.inventory:
        return None
    last = max((end for ends in targets.values() for end in ends), default=now)
    month = request.reference_month or month_text(last)
    parameters = inventory_parameters(jobspecs[MACHINE_INVENTORY_UNLOAD], month, request.replace_with_empty)
    return InventoryRun(parameters=parameters, pipeline_execution_arn=running_as(running, parameters))
