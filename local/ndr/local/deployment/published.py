"""Summary of the published datasets below the JobSpecs' prefixes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pyarrow import fs

from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import (
    DELTA_BUILDER,
    FG_A_BUILDER,
    FG_B_BUILDER,
    MACHINE_INVENTORY_UNLOAD,
    NETWORKS,
    PAIR_COUNTS_BUILDER,
    JobSpecs,
)
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.manifest import Manifest, RowAccount
from ndr.contract.table_names import table_name
from ndr.store.manifest import readable_manifests
from ndr.store.storage import join, list_names


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One table of a dataset, over all partitions; `dataset` is its name, with the horizon where it has baselines.

    `first` and `last` bound the time of the partitions. `coverage`, in [0, 1], is the mean coverage of the inputs,
    weighted by the partitions' lengths. `other_networks` of the partitions were built, in whole or in part, with other
    networks than the JobSpec `networks` has now.
    """

    dataset: str
    first: datetime
    last: datetime
    partitions: int
    rows: int
    coverage: float
    other_networks: int = 0


def published_tables(jobspecs: JobSpecs) -> list[PublishedTable]:
    """Summarize all datasets of the JobSpecs, in the order in which they are built."""
    found: list[PublishedTable] = []
    networks = (jobspecs[NETWORKS].spec if NETWORKS in jobspecs else Networks()).digest
    for prefix in _time_prefixes(jobspecs):
        found += _tables(_manifests(prefix, "dt="), networks)
    inventory = jobspecs[MACHINE_INVENTORY_UNLOAD].spec.output.s3_prefix
    found += _tables(_manifests(inventory, None), networks)
    fg_b = jobspecs[FG_B_BUILDER].spec.outputs.fg_b
    for horizon in HORIZONS:
        found += _tables(_manifests(join(fg_b, f"horizon={horizon}"), None), networks, of=f" {horizon}")
    return found


def flow_account(jobspecs: JobSpecs) -> RowAccount:
    """Add up the accounts of rows in the manifests of the deltas."""
    manifests = _manifests(jobspecs[DELTA_BUILDER].spec.outputs.deltas, "dt=")
    nothing = RowAccount(rows_in=0, rows_used=0, rows_quarantined=0)
    return sum((manifest.rows for manifest in manifests if manifest.rows), nothing)


def _time_prefixes(jobspecs: JobSpecs) -> list[str]:
    return [
        jobspecs[DELTA_BUILDER].spec.outputs.deltas,
        jobspecs[FG_A_BUILDER].spec.outputs.fg_a,
        jobspecs[PAIR_COUNTS_BUILDER].spec.outputs.pair_counts,
    ]


def _manifests(prefix: str, day_prefix: str | None) -> list[Manifest]:
    """Read the manifests of the partitions directly below a prefix, or below its day folders."""
    folders = [prefix]
    if day_prefix:
        days = list_names(prefix, kind=fs.FileType.Directory)
        folders = [join(prefix, day) for day in days if day.startswith(day_prefix)]
    uris = [
        join(folder, name)
        for folder in folders
        for name in list_names(folder, kind=fs.FileType.Directory)
        if not name.startswith("_")
    ]
    return [manifest for manifest in readable_manifests(uris) if manifest]


def _tables(manifests: Iterable[Manifest], networks: str, of: str = "") -> list[PublishedTable]:
    by_table: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        for table in manifest.tables:
            by_table.setdefault(table, []).append(manifest)
    return [_summed(f"{table_name(table)}{of}", table, held, networks) for table, held in by_table.items()]


def _summed(dataset: str, table: str, manifests: list[Manifest], networks: str) -> PublishedTable:
    lengths = [manifest.interval.duration for manifest in manifests]
    weighed = sum(manifest.coverage * (length / sum(lengths, type(length)()))
                  for manifest, length in zip(manifests, lengths, strict=True))  # fmt: skip
    return PublishedTable(
        dataset=dataset,
        first=min(manifest.start for manifest in manifests),
        last=max(manifest.end for manifest in manifests),
        partitions=len(manifests),
        rows=sum(manifest.tables[table].rows for manifest in manifests),
        coverage=weighed,
        other_networks=sum(not _networks_of(manifest) <= {networks} for manifest in manifests),
    )


def _networks_of(manifest: Manifest) -> set[str]:
    """Return the digests of the networks that a partition was built with; none where its release did not tell."""
    versions = manifest.compacted_versions or (manifest,)
    return {each.networks for each in versions if each.networks}
