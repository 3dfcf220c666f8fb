"""Commits that are about to happen, for fences."""

from __future__ import annotations

from datetime import UTC, datetime

from ndr.contract.manifest import Manifest
from ndr.contract.time import Interval
from ndr.jobs.run import Run
from ndr.store.pending_commit import PendingCommit


def pending_commit(run: Run, dataset: str, interval: Interval, replaced: Manifest | None = None) -> PendingCommit:
    """Return the commit of an empty version of a partition."""
    manifest = Manifest(
        dataset=dataset,
        start=interval.start,
        end=interval.end,
        tables={},
        run_id="run-1",
        published_at=datetime.now(UTC),
        **run.facts,
    )
    return PendingCommit(f"s3://data/{dataset}", manifest, replaced)
