"""Entry point of FGBaselineBuilderStep."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from ndr.contract.errors import InsufficientHistoryError, InvalidRequestError, JobSpecNotFoundError
from ndr.contract.jobspecs import FG_A_BUILDER, FG_B_BUILDER, MACHINE_INVENTORY_UNLOAD, NON_PERSISTENT_PREFIXES
from ndr.contract.manifest import Manifest
from ndr.contract.time import format_instant
from ndr.jobs.claims import LeaseHeld
from ndr.jobs.entry import Arguments, main, optional
from ndr.jobs.fg_b.job import InsufficientHistory, lease_key, ledger_facts, publish_baselines
from ndr.jobs.fg_b.late_leases import baselines_of_other_leases
from ndr.jobs.fg_b.published import baseline_age_days
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.fg_b.targets import Target, backfill_targets, regular_targets
from ndr.jobs.inventory.snapshot import Snapshot, newest_snapshot
from ndr.jobs.leases import Leases
from ndr.jobs.metrics import count_baseline, count_partition, measure_baseline_age, measure_inventory_age
from ndr.jobs.run import Run, job_logger
from ndr.store.partition import baseline_partition_uri


def job(run: Run, arguments: Arguments) -> None:
    """Build the requested baselines. Those with insufficient history are named; the run fails when all of them are.

    Raises
    ------
    InsufficientHistoryError
        No requested baseline has enough history.
    PublishConflictError
        Another run took a baseline over.
    """
    specs = BaselineSpecs(run.spec(FG_B_BUILDER), run.spec(FG_A_BUILDER), _prefixes(run), run.networks())
    targets = _targets(specs, arguments)
    output = run.spec(MACHINE_INVENTORY_UNLOAD).output
    inventory_of = lru_cache(lambda month: newest_snapshot(output, month))
    short = _build(run, specs, targets, inventory_of, arguments.baseline_mode)
    if arguments.baseline_mode == "REGULAR":
        _measure_age(run, specs, targets[0].end)
    if len(short) == len(targets):
        raise InsufficientHistoryError(
            "No asked baseline has enough history: " + "; ".join(short[:3]) + (" ..." if len(short) > 3 else "") + ". "
            "Or lower min_coverage in the fg_b_builder JobSpec."
        )


def _build(
    run: Run, specs: BaselineSpecs, targets: list[Target], inventory_of: Callable[[str], Snapshot], mode: str
) -> list[str]:
    """Build the baselines and return the sentences of those with insufficient history. Held ones are skipped."""
    log, leases, short = job_logger(run.job_name), Leases.in_environment(run), []
    with leases.kept():
        for target, outcome in publish_baselines(leases.leased_run, specs, targets, inventory_of):
            extra = {"horizon": target.horizon, "end": format_instant(target.end)}
            if isinstance(outcome, LeaseHeld):
                log.warning("in progress elsewhere", extra=extra | {"reason": str(outcome)})
                continue
            if isinstance(outcome, Manifest):
                uri = baseline_partition_uri(specs.fg_b.outputs.fg_b, target.horizon, target.end)
                leases.announce(outcome, uri, horizon=target.horizon)
            # Recorded after the commit, so that the ledger never says completed of a baseline that is not published.
            leases.record(lease_key(run, target), ledger_facts(outcome))
            if isinstance(outcome, InsufficientHistory):
                short.append(str(outcome))
                log.warning("insufficient history", extra=extra | {"reason": str(outcome)})
            else:
                rows = {name: table.rows for name, table in outcome.tables.items()}
                log.info("published", extra=extra | {"rows": rows, "coverage": outcome.coverage, "note": outcome.note})
                _measure(run, target, outcome, inventory_of, mode)
        if mode == "REGULAR":
            for stale in baselines_of_other_leases(specs.fg_b, targets[0].end):
                leases.mark_stale(lease_key(run, stale))
                extra = {"horizon": stale.horizon, "end": format_instant(stale.end)}
                log.info("stale: a DHCP log arrived after it", extra=extra)
    return short


def _measure(run: Run, target: Target, published: Manifest, inventory_of: Callable[[str], Snapshot], mode: str) -> None:
    count_partition(run, published)
    count_baseline(run, target.horizon, mode)
    if mode == "REGULAR":
        month = f"{target.end:%Y-%m}"
        measure_inventory_age(run, month, inventory_of(month).month)


def _measure_age(run: Run, specs: BaselineSpecs, end: datetime) -> None:
    """Report the age of the 30-day baseline on each nightly run: a weekly run that never starts reports nothing."""
    gap = specs.fg_b.safety_gap.of("30d")
    age = baseline_age_days(specs.fg_b.outputs.fg_b, specs.fg_b.inputs.fg_a, "30d", end, gap)
    measure_baseline_age(run, "30d", age)


def _targets(specs: BaselineSpecs, arguments: Arguments) -> list[Target]:
    mode = arguments.baseline_mode
    if mode == "REGULAR":
        return regular_targets(arguments.baseline_horizon, optional(arguments.baseline_end_ts_iso))
    if mode == "BACKFILL":
        start, end = optional(arguments.backfill_start_ts_iso), optional(arguments.backfill_end_ts_iso)
        return backfill_targets(arguments.baseline_horizon, start, end, specs.fg_b.cadence)
    raise InvalidRequestError(f"BaselineMode is {mode!r}; write REGULAR or BACKFILL.")


def _prefixes(run: Run) -> tuple[str, ...]:
    try:
        return run.spec(NON_PERSISTENT_PREFIXES).prefixes
    except JobSpecNotFoundError:
        return ()  # optional: a network without VDI hosts has no such JobSpec


if __name__ == "__main__":
    main(
        "fg_b_builder",
        [
            "baseline-horizon",
            "baseline-mode",
            "baseline-end-ts-iso",
            "backfill-start-ts-iso",
            "backfill-end-ts-iso",
        ],
        job,
    )
