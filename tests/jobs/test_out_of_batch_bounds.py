"""How far from its batch a row may start and still be kept for its slice."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import LATE_FOLDER
from ndr.contract.time import DAY, SLICE, Interval, mini_batch_id, parse_instant
from ndr.jobs.deltas import line_spool

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


def test_many_rows_of_one_slice_are_kept_in_several_files_and_emptied_when_they_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_spool, "PART_BYTES", 4000)
    project, slice_of_rows = Project(tmp_path), Interval(BATCH.start - DAY, BATCH.start - DAY + SLICE)
    late = random_flows(slice_of_rows, 60, seed=2)
    kept = tmp_path / "deltas" / LATE_FOLDER / f"dt=2026-03-04/{mini_batch_id(slice_of_rows)}"
    project.deliver(BATCH, [*late, *late[:5], _flow(BATCH.start)])
    project.deltas(BATCH)
    sizes = [path.stat().st_size for path in sorted(kept.iterdir())]
    assert len(sizes) > 3
    assert max(sizes) < 8000
    project.deliver(slice_of_rows, late[:10])
    (manifest,) = project.deltas(slice_of_rows)
    assert manifest.rows is not None
    assert manifest.rows.model_dump(
        exclude={"rows_not_flows", "records", "records_unpaired", "rows_of_other_times"}
    ) == {
        "rows_in": 75,
        "rows_used": 65,  # of equal flows as many as one delivery has
        "rows_quarantined": 0,
        "rows_repeated": 10,
    }
    project.deliver(BATCH, [*late[:3], _flow(BATCH.start)])
    project.deltas(BATCH)
    assert sorted(path.stat().st_size > 0 for path in kept.iterdir()) == [False] * (len(sizes) - 1) + [True]
