"""How far from its batch a row may start and still be kept for its slice."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import LATE_FOLDER
from ndr.contract.time import DAY, SLICE, Interval, mini_batch_id, parse_instant

START = parse_instant("2026-03-05T06:15:00Z")
BATCH = Interval(START, START + SLICE)
EARLIEST, LATEST = BATCH.start - timedelta(days=31), BATCH.end + DAY - SLICE


def _flow(start: datetime) -> dict[str, Any]:
    (flow,) = random_flows(BATCH, 1, seed=1)
    return flow | {"event_start": start.timestamp(), "event_end": start.timestamp() + 1}


def test_rows_are_kept_for_slices_from_31_days_before_to_a_day_after_their_batch(tmp_path: Path) -> None:
    project = Project(tmp_path)
    starts = [EARLIEST - timedelta(seconds=1), EARLIEST, LATEST + SLICE - timedelta(seconds=1), LATEST + SLICE]
    project.deliver(BATCH, [_flow(start) for start in (*starts, BATCH.start)])
    (manifest,) = project.deltas(BATCH)
    assert manifest.rows is not None
    assert (manifest.rows.rows_used, manifest.rows.rows_quarantined) == (1, 4)
    kept = [path.parent.name for path in sorted((tmp_path / "deltas" / LATE_FOLDER).glob("dt=*/*/*.json"))]
    assert kept == [mini_batch_id(Interval(start, start + SLICE)) for start in (EARLIEST, LATEST)]
