"""Who builds which baseline already: the holders of live leases, and pipeline executions that were asked for more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from ndr.contract.errors import InvalidRequestError
from ndr.contract.horizons import labels_of
from ndr.contract.jobspecs.fg_b_builder import Cadences
from ndr.contract.ledger import LedgerEntry
from ndr.contract.pipelines import FG_B_PIPELINE, Parameters
from ndr.contract.time import Interval, baseline_ends, floor_to, format_instant, parse_instant
from ndr.planner.running import RunningExecution

Builders = dict[str, dict[datetime, str]]
"""For each horizon the baselines that a pipeline execution builds, by end, and its ARN."""

_OF_THE_RANGE: Final = ("BaselineMode", "BaselineEndTsIso")
_FOLLOWED: Final = f":pipeline/{FG_B_PIPELINE}/execution/"


def find_builders(
    targets: Mapping[str, Sequence[datetime]],
    entries: Mapping[str, Mapping[datetime, LedgerEntry]],
    running: Sequence[RunningExecution],
    shared: Parameters,
    cadence: Cadences,
) -> Builders:
    """Return the pipeline execution that builds each target, where one does.

    That is the holder of a live lease. An execution that was asked for a baseline and has not begun it builds it, too:
    minutes pass between its start and its claims, and a long range is claimed bit by bit.

    Parameters
    ----------
    running : sequence of RunningExecution
        Of the pipeline of the baselines; of several that were asked for one baseline the first counts.
    shared : dict of str to str
        What every run of the plan is asked alike: project, version and image.
    """
    builders: Builders = {horizon: {} for horizon in targets}
    for horizon, ends in targets.items():
        for end in ends:
            holder = entries[horizon][end].holder if end in entries[horizon] else None
            if holder and _FOLLOWED in holder:
                builders[horizon][end] = holder
    common = {name: value for name, value in shared.items() if name not in _OF_THE_RANGE}
    wanted = {(horizon, end) for horizon, ends in targets.items() for end in ends}
    for execution in running:
        if not execution.was_asked(common):
            continue
        for horizon, end in _asked_for(execution.parameters, cadence):
            if (horizon, end) in wanted and _is_to_come(entries[horizon].get(end), execution.started):
                builders[horizon].setdefault(end, execution.arn)
    return builders


def _is_to_come(entry: LedgerEntry | None, started: datetime) -> bool:
    """Tell whether nobody has begun a baseline since an execution started. Claims are noted in whole seconds."""
    if entry is None or entry.status == "in_progress":
        return entry is None
    return entry.claimed_at is None or entry.claimed_at < format_instant(floor_to(started, timedelta(seconds=1)))


def _asked_for(parameters: Mapping[str, str], cadence: Cadences) -> Iterator[tuple[str, datetime]]:
    """Yield what the job builds when it is given these parameters; nothing where it would refuse them."""
    horizons = labels_of(parameters.get("BaselineHorizon", ""))
    try:
        if parameters.get("BaselineMode") == "BACKFILL":
            ends = Interval.parse(parameters.get("BackfillStartTsIso", ""), parameters.get("BackfillEndTsIso", ""))
            for horizon in horizons:
                yield from ((horizon, end) for end in baseline_ends(ends, cadence.of(horizon), cadence.weekday))
        else:
            end = parse_instant(parameters.get("BaselineEndTsIso", ""))
            yield from ((horizon, end) for horizon in horizons)
    except InvalidRequestError:
        return
