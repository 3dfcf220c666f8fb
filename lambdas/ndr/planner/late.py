"""The plan of folding in late data: slices to build again, and the baselines that reach over them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs.item import JobSpecs
from ndr.contract.pipelines import FG_B_PIPELINE, MINI_BATCH_PIPELINE, fifteen_minute_steps
from ndr.contract.time import DAY, Interval, format_instant, merged, unfilled
from ndr.planner.baselines import Entries, series_of
from ndr.planner.late_files import LateData, reached
from ndr.planner.requests import BaselinesRequest
from ndr.planner.stale_batches import Rebuild, fills_of_plan, followed_fills_sentences

BUILT: Final = ("completed", "stale", "in_progress")


def plan_late(
    request: BaselinesRequest,
    jobspecs: JobSpecs,
    found: LateData,
    entries: Entries,
    rebuilds: Sequence[Rebuild] = (),
) -> dict[str, Any]:
    """Return a plan as `plan_baselines` does, without runs: `fills` build the slices again, `stale` names baselines.

    Parameters
    ----------
    entries : mapping
        What the ledger knows of every baseline whose horizon can reach over a batch, by horizon and end.
    rebuilds : sequence of Rebuild
        Batches that are being built again already: they are followed, even where their deltas are published and
        nothing of them is late any more. What came after one began is found late when it has ended.
    """
    steps = fifteen_minute_steps(jobspecs)
    at_work = [each.batch for each in rebuilds]
    batches = [batch for batch in found.batches if unfilled(batch, at_work)]
    stale = [
        (horizon, end)
        for horizon, known in entries.items()
        for end, entry in sorted(known.items())
        if entry.status in BUILT and reached([*at_work, *batches], end, HORIZONS[horizon])
    ]
    plan = {
        "project_name": request.project_name,
        "feature_spec_version": request.feature_spec_version,
        "mode": request.mode,
        "dry_run": request.dry_run,
        "max_concurrency": request.max_concurrency,
        "pipeline_name": FG_B_PIPELINE,
        "parameters": {},
        "series": {horizon: series_of(request, horizon) for horizon in entries},
        "runs": [],
        "baselines": 0,
        "inventory": None,
        "skipped": [],
        "fill_pipeline": MINI_BATCH_PIPELINE,
        **fills_of_plan(rebuilds, batches, steps),
        "stale": [f"{horizon} {format_instant(end)}" for horizon, end in stale],
    }
    followed = followed_fills_sentences(plan["followed_fills"])
    return {**plan, "message": " ".join([*followed, _message(found, batches, [end for _, end in stale])])}


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
