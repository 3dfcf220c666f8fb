"""Whether a batch is built of what is delivered: then building it again would publish the same once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ndr.contract.datasets import DELTAS, FG_A, FG_C, PAIR_COUNTS
from ndr.contract.lineage import current_answers, is_stale
from ndr.contract.manifest import MANIFEST_NAME
from ndr.contract.time import DAY, Interval, day_text, mini_batch_id
from ndr.planner.delivered_files import out_of_batch_folders
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.folder import Folder
from ndr.planner.keys import bucket_and_key
from ndr.planner.late_files import late_folders
from ndr.planner.published import Published, read_manifests


def is_built(s3: Any, prefixes: FeaturePrefixes, batch: Interval, folders: Sequence[Folder]) -> bool:
    """Tell whether a batch's own partitions are published, of all delivered files and of each other's newest versions.

    Parameters
    ----------
    folders : sequence of Folder
        What is delivered of the batch.
    """
    of = {dataset: prefix for dataset, prefix in _prefixes(prefixes).items() if prefix}
    found = {dataset: _own(s3, prefixes, prefix, dataset, batch) for dataset, prefix in of.items()}
    days = len(list(batch.steps(DAY)))
    if any(each.unreadable or len(each.manifests) < days for each in found.values()):
        return False
    delivered = [*folders, *out_of_batch_folders(s3, prefixes.deltas, batch)]
    if late_folders(delivered, found[DELTAS.name].manifests):
        return False
    answers = {dataset: current_answers(each.manifests, batch) for dataset, each in found.items()}
    inputs = {FG_A.name: (DELTAS.name,), PAIR_COUNTS.name: (DELTAS.name,), FG_C: (FG_A.name, PAIR_COUNTS.name)}
    return not any(
        is_stale(manifest, {name: answers[name] for name in inputs[dataset]}, batch)
        for dataset, published in found.items()
        if dataset in inputs
        for _, manifest in published.manifests
    )


def _prefixes(prefixes: FeaturePrefixes) -> dict[str, str | None]:
    return {
        DELTAS.name: prefixes.deltas,
        FG_A.name: prefixes.fg_a,
        PAIR_COUNTS.name: prefixes.pair_counts,
        FG_C: prefixes.fg_c,
    }


def _own(s3: Any, prefixes: FeaturePrefixes, prefix: str, dataset: str, batch: Interval) -> Published:
    bucket, base = bucket_and_key(prefix)
    parts = batch.steps(DAY)
    keys = [f"{base}dt={day_text(part.start)}/{mini_batch_id(part)}/{MANIFEST_NAME}" for part in parts]
    return read_manifests(s3, bucket, keys, dataset, prefixes.owner)
