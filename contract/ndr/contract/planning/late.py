"""The plan of folding in late data: slices to build again, and the baselines that reach over them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ndr.contract.jobspecs.item import JobName, JobSpec
from ndr.contract.late import LateData, reached
from ndr.contract.planning.baselines import Entries, series_of
from ndr.contract.planning.pipelines import FG_B_PIPELINE, MINI_BATCH_PIPELINE, rebuild_parameters
from ndr.contract.requests import BaselinesRequest
from ndr.contract.time import DAY, HORIZONS, format_instant, merged

BUILT: Final = ("completed", "stale", "in_progress")


def plan_late(
    request: BaselinesRequest, jobspecs: Mapping[JobName, JobSpec], found: LateData, entries: Entries
) -> dict[str, Any]:
    """Return a plan as `plan_baselines` does, without runs: `fills` build the slices again, `stale` names baselines.

    Parameters
    ----------
    entries : mapping
        What the ledger knows of every baseline whose horizon can reach over a batch, by horizon and end.
    """
    steps = [jobspecs["delta_builder"], jobspecs["fg_a_builder"], jobspecs["pair_counts_builder"]]
    stale = [
        (horizon, end)
        for horizon, known in entries.items()
        for end, entry in sorted(known.items())
        if entry.status in BUILT and reached(found.batches, end, HORIZONS[horizon])
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
        "fills": [rebuild_parameters(steps, batch) for batch in found.batches],
        "stale": [f"{horizon} {format_instant(end)}" for horizon, end in stale],
    }
    return {**plan, "message": _message(found, [end for _, end in stale])}


def _message(found: LateData, stale: list[datetime]) -> str:
    if not found.late:
        return "Nothing is late: what is published names every file that was delivered."
    batches = found.batches
    sentences = [
        f"{len(found.late)} folders hold files that are not in what is published; {len(batches)} batches are built "
        f"again: {', '.join(map(str, batches[:3]))}{', ...' if batches[3:] else ''}."
    ]
    if found.stranded:
        gone = ", ".join(map(str, merged(found.stranded)[:3]))
        sentences.append(f"Not built, because the mini-batch of their time is gone: {gone}.")
    if stale:
        asked = {"mode": "BACKFILL", "start": format_instant(min(stale)), "end": format_instant(max(stale) + DAY)}
        sentences.append(f"{len(stale)} baselines reach over them and are stale; build them with {json.dumps(asked)}.")
    return " ".join(sentences)
