"""Baselines that are stale by lineage: they lack a version of the features that answers now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ndr.contract.datasets import FG_B
from ndr.contract.lineage import Answers, is_stale
from ndr.contract.manifest import MANIFEST_NAME, Manifest
from ndr.contract.time import Interval, compact_instant
from ndr.planner.baselines import LedgerRows
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.keys import bucket_and_key
from ndr.planner.published import read_manifests


def baselines_stale_by_lineage(
    s3: Any, prefixes: FeaturePrefixes, rows: LedgerRows, answers: Mapping[str, Answers], read: Interval
) -> tuple[list[tuple[str, datetime]], tuple[str, ...]]:
    """Return the completed baselines that are stale, and a sentence for each manifest that cannot be used.

    Parameters
    ----------
    rows : mapping
        What the ledger knows of the baselines whose horizon meets `read`, by horizon and end.
    answers : mapping of str to Answers
        What answers now for the features, over `read`.
    """
    bucket, base = bucket_and_key(prefixes.fg_b)
    wanted = {
        f"{base}horizon={horizon}/end={compact_instant(end)}/{MANIFEST_NAME}": (horizon, end)
        for horizon, known in rows.items()
        for end, row in sorted(known.items())
        if row.status == "completed"
    }
    keys: Sequence[str] = list(wanted)
    found = read_manifests(s3, bucket, keys, FG_B, prefixes.owner)
    stale = [
        wanted[f"{uri.removeprefix(f's3://{bucket}/')}/{MANIFEST_NAME}"]
        for uri, manifest in found.manifests
        if _is_stale(manifest, answers, read)
    ]
    return stale, found.unreadable


def _is_stale(manifest: Manifest, answers: Mapping[str, Answers], read: Interval) -> bool:
    if manifest.reads:
        return is_stale(manifest, answers, within=read)
    # Of before ranges were recorded: every version that answers now in its time must be named.
    span = manifest.interval.intersection(read)
    named = {(entry.uri.rstrip("/"), entry.run_id) for entry in manifest.inputs}
    return span is not None and any(
        (answer.uri, answer.run_id) not in named for each in answers.values() for answer in each.within(span)
    )
