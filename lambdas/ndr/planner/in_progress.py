"""Baselines in progress: those under a live lease, and those that a running pipeline execution was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from ndr.contract.errors import InvalidRequestError
from ndr.contract.horizons import labels_of
from ndr.contract.jobspecs.fg_b_builder import Cadences
from ndr.contract.ledger import LedgerRow
from ndr.contract.pipelines import FG_B_PIPELINE, Parameters
from ndr.contract.time import Interval, baseline_ends, format_instant, parse_instant, whole_seconds
from ndr.planner.running import RunningExecution

InProgress = dict[str, dict[datetime, str]]
"""For each horizon the baselines that a pipeline execution builds, by end, and its ARN."""

_OF_THE_RANGE: Final = ("BaselineMode", "BaselineEndTsIso")
_FOLLOWED: Final = re.compile(f":pipeline/{FG_B_PIPELINE}[A-Za-z0-9-]*/execution/")
"""Found in the ARN of a holder that can be followed, whatever suffix the stack gives its pipelines' names."""


def find_in_progress(
    targets: Mapping[str, Sequence[datetime]],
    rows: Mapping[str, Mapping[datetime, LedgerRow]],
    running: Sequence[RunningExecution],
    shared: Parameters,
    cadence: Cadences,
) -> InProgress:
    """Return the pipeline execution that builds each target, where one does.

    That is the holder of a live lease. An execution that was asked for a baseline and has not begun it builds it, too:
    minutes pass between its start and its leases, and a long range is leased piece by piece.

    Parameters
    ----------
    rows : mapping
        For each horizon, the ledger's rows by end.
    running : sequence of RunningExecution
        Of the pipeline of the baselines; of several that were asked for one baseline the first counts.
    shared : dict of str to str
        The parameters that all runs of the plan have in common: project, version and image.
    """
    found: InProgress = {horizon: {} for horizon in targets}
    for horizon, ends in targets.items():
        for end in ends:
            holder = rows[horizon][end].holder if end in rows[horizon] else None
            if holder and _FOLLOWED.search(holder):
                found[horizon][end] = holder
    common = {name: value for name, value in shared.items() if name not in _OF_THE_RANGE}
    wanted = {(horizon, end) for horizon, ends in targets.items() for end in ends}
    for execution in running:
        if not execution.was_asked(common):
            continue
        for horizon, end in _asked_for(execution.parameters, cadence):
            if (horizon, end) in wanted and _is_to_come(rows[horizon].get(end), execution.started):
                found[horizon].setdefault(end, execution.arn)
    return found


def _is_to_come(row: LedgerRow | None, started: datetime) -> bool:
    """Tell whether a baseline was not begun since an execution started. Leases are noted in whole seconds."""
    if row is None or row.status == "in_progress":
        return row is None
    return row.claimed_at is None or row.claimed_at < format_instant(whole_seconds(started))


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
