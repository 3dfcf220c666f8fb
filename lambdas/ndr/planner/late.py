"""The plan of folding in late data: slices to build again, and the baselines that reach over them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import JobSpecs
from ndr.contract.pipelines import fifteen_minute_steps
from ndr.contract.time import DAY, Interval, format_instant, merged, unfilled
from ndr.planner.baselines import LedgerRows, baseline_name, plan_facts
from ndr.planner.batches import BatchInProgress, PlannedBatches, followed_batches_sentences
from ndr.planner.late_files import LateData, reached
from ndr.planner.plan import BaselinesPlan
from ndr.planner.requests import BaselinesRequest

BUILT: Final = ("completed", "stale", "in_progress")


def plan_late(
    request: BaselinesRequest,
    jobspecs: JobSpecs,
    found: LateData,
    rows: LedgerRows,
    in_progress: Sequence[BatchInProgress] = (),
) -> BaselinesPlan:
    """Return a plan without runs: `batches` build the slices again, `stale` names baselines.

    Parameters
    ----------
    rows : mapping
        What the ledger knows of every baseline whose horizon can reach over a batch, by horizon and end.
    in_progress : sequence of BatchInProgress
        Batches that are being built again already: they are followed, even where their deltas are published and
        nothing of them is late any more. Files that came after one began are found late once it has ended.
    """
    running = [each.batch for each in in_progress]
    batches = [batch for batch in found.batches if unfilled(batch, running)]
    stale = [
        (horizon, end)
        for horizon, known in rows.items()
        for end, row in sorted(known.items())
        if row.status in BUILT and reached([*running, *batches], end, HORIZONS[horizon])
    ]
    planned = PlannedBatches.of(in_progress, batches, fifteen_minute_steps(jobspecs), request.replace_with_empty)
    followed = followed_batches_sentences(planned.followed)
    return BaselinesPlan(
        **plan_facts(request, rows),
        batches=planned.parameters,
        followed_batches=planned.followed,
        stale=[baseline_name(horizon, end) for horizon, end in stale],
        message=" ".join([*followed, _message(found, batches, [end for _, end in stale])]),
    )


def _message(found: LateData, batches: Sequence[Interval], stale: list[datetime]) -> str:
    sentences = ["Nothing is late: what is published names every file that was delivered."]
    if found.late:
        named = f": {', '.join(map(str, batches[:3]))}{', ...' if batches[3:] else ''}" if batches else ""
        sentences = [
            f"{len(found.late)} folders hold files that are not in what is published; {len(batches)} batches are built "
            f"again{named}."
        ]
    if found.stranded:
        gone = ", ".join(map(str, merged(found.stranded)[:3]))
        sentences.append(f"Not built, because the mini-batch of their time is gone: {gone}.")
    if stale:
        asked = {"mode": "BACKFILL", "start": format_instant(min(stale)), "end": format_instant(max(stale) + DAY)}
        sentences.append(f"{len(stale)} baselines reach over them and are stale; build them with {json.dumps(asked)}.")
    return " ".join(sentences)
