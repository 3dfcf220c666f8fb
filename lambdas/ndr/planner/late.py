"""The plan of folding in late data: slices to build again, and the baselines that reach over them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import FG_B_BUILDER, JobSpecs
from ndr.contract.pipelines import batch_pipeline, fifteen_minute_steps
from ndr.contract.time import DAY, Interval, format_instant, merged, unfilled
from ndr.contract.wording import agreeing, counted
from ndr.planner.baselines import STALE_DAYS, LedgerRows, baseline_name, plan_facts
from ndr.planner.batches import BatchInProgress, PlannedBatches, followed_batches_sentences
from ndr.planner.late_files import LateData, reached
from ndr.planner.plan import BaselinesPlan
from ndr.planner.requests import BaselinesRequest

BUILT: Final = ("completed", "stale", "in_progress")
NAMED: Final = 3


def plan_late(
    request: BaselinesRequest,
    jobspecs: JobSpecs,
    found: LateData,
    rows: LedgerRows,
    in_progress: Sequence[BatchInProgress] = (),
    stale_by_lineage: Sequence[tuple[str, datetime]] = (),
) -> BaselinesPlan:
    """Return a plan without runs: `batches` build the slices again, `stale` names baselines.

    Parameters
    ----------
    rows : mapping
        What the ledger knows of every baseline whose horizon can reach over a batch, by horizon and end.
    in_progress : sequence of BatchInProgress
        Batches that are being built again already: they are followed, even where their deltas are published and
        nothing of them is late any more. Files that came after one began are found late once it has ended.
    stale_by_lineage : sequence of (str, datetime)
        Baselines that lack a version of the features that is published already.
    """
    spec = jobspecs[FG_B_BUILDER].spec
    running = [each.batch for each in in_progress]
    batches = [batch for batch in found.batches if unfilled(batch, running)]
    over_batches = [
        (horizon, end)
        for horizon, known in rows.items()
        for end, row in sorted(known.items())
        if row.status in BUILT and reached([*running, *batches], spec.interval(horizon, end))
    ]
    stale = sorted({*over_batches, *stale_by_lineage})
    planned = PlannedBatches.of(in_progress, batches, fifteen_minute_steps(jobspecs), request.replace_with_empty)
    followed = followed_batches_sentences(planned.followed)
    return BaselinesPlan(
        **plan_facts(request, rows),
        batch_pipeline=batch_pipeline(jobspecs),
        batches=planned.parameters,
        followed_batches=planned.followed,
        stale=[baseline_name(horizon, end) for horizon, end in stale],
        message=" ".join([*followed, *_features_sentences(found, batches), *_baselines_sentences(stale)]),
    )


def _features_sentences(found: LateData, batches: Sequence[Interval]) -> list[str]:
    sentences = []
    if found.late:
        late = counted(len(found.late), "folder holds files", "folders hold files")
        sentences.append(f"{late} that are not in what is published.")
    if found.stale:
        sentences.append(f"Features of {_named(found.stale)} are missing, or their inputs have changed since.")
    if found.late or found.stale:
        again = counted(len(batches), "batch is built again", "batches are built again")
        sentences.append(f"{again}: {_named(batches)}." if batches else f"{again}.")
    else:
        sentences.append("Nothing is late: what is published names every file that was delivered.")
    if found.stranded:
        sentences.append(
            f"Not built, because the mini-batch of their time is gone: {_named(merged(found.stranded))}; deliver it "
            "again, then start LATE again."
        )
    if found.unreadable:
        more = f" And {len(found.unreadable) - NAMED} more." if found.unreadable[NAMED:] else ""
        sentences.append(f"Not used: {' '.join(found.unreadable[:NAMED])}{more}")
    return sentences


def _baselines_sentences(stale: Sequence[tuple[str, datetime]]) -> list[str]:
    """Name stale baselines by horizon: the next run of a horizon builds them, or a person at once."""
    sentences = []
    for horizon in HORIZONS:
        ends = [end for name, end in stale if name == horizon]
        if ends:
            named = ", ".join(map(format_instant, ends[:NAMED])) + (", ..." if ends[NAMED:] else "")
            asked = {"mode": "BACKFILL", "horizon": horizon, "start": format_instant(min(ends))}
            asked["end"] = format_instant(max(ends) + DAY)
            sentences.append(
                f"{counted(len(ends), 'baseline')} of {horizon} {agreeing(len(ends), 'is', 'are')} stale "
                f"({named}): the next run of {horizon} "
                f"builds those that "
                f"ended at most {STALE_DAYS} days before it; to build them now write {json.dumps(asked)}."
            )
    return sentences


def _named(intervals: Sequence[Interval]) -> str:
    return ", ".join(map(str, intervals[:NAMED])) + (", ..." if intervals[NAMED:] else "")
