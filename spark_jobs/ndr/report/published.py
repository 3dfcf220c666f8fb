"""What is published of a project over the days that the report covers: manifests, and nothing else is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pyarrow import fs

from ndr.contract.datasets import DELTAS, FG_A, FG_B, FG_C, MACHINE_INVENTORY, PAIR_COUNTS
from ndr.contract.errors import InsufficientHistoryError
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import (
    DELTA_BUILDER,
    FG_A_BUILDER,
    FG_B_BUILDER,
    FG_C_BUILDER,
    MACHINE_INVENTORY_UNLOAD,
    PAIR_COUNTS_BUILDER,
    JobSpecs,
)
from ndr.contract.time import DAY, Interval, ceil_to
from ndr.findings.newest import newest_end
from ndr.store.catalog import Partition, Piece, published_pieces, readable_baseline
from ndr.store.manifest import readable_manifests
from ndr.store.partition import baseline_end_of
from ndr.store.storage import join, list_names

TIME_DATASETS: Final = (DELTAS.name, FG_A.name, PAIR_COUNTS.name, FG_C)
"""The datasets with a partition for each batch, in the order in which they are built."""


@dataclass(frozen=True)
class Published:
    """The partitions that answer within whole UTC days, and the baselines that end in them.

    Attributes
    ----------
    period : Interval
        Whole UTC days.
    pieces : mapping of str to list of Piece
        By dataset of TIME_DATASETS; one that the project does not build is absent.
    baselines : mapping of str to list of Partition
        By horizon, oldest first.
    inventory : list of Partition
        The monthly snapshots, oldest first.
    """

    period: Interval
    prefixes: Mapping[str, str]
    pieces: Mapping[str, list[Piece]]
    baselines: Mapping[str, list[Partition]]
    inventory: list[Partition]


def prefixes_of(jobspecs: JobSpecs) -> dict[str, str]:
    """Return the prefix of each dataset, by its name."""
    prefixes = {
        DELTAS.name: jobspecs[DELTA_BUILDER].spec.outputs.deltas,
        FG_A.name: jobspecs[FG_A_BUILDER].spec.outputs.fg_a,
        PAIR_COUNTS.name: jobspecs[PAIR_COUNTS_BUILDER].spec.outputs.pair_counts,
        FG_B: jobspecs[FG_B_BUILDER].spec.outputs.fg_b,
    }
    if FG_C_BUILDER in jobspecs:
        prefixes[FG_C] = jobspecs[FG_C_BUILDER].spec.outputs.fg_c
    if MACHINE_INVENTORY_UNLOAD in jobspecs:
        prefixes[MACHINE_INVENTORY.name] = jobspecs[MACHINE_INVENTORY_UNLOAD].spec.output.s3_prefix
    return prefixes


def published_days(jobspecs: JobSpecs, days: int) -> Published:
    """Look up what is published of the last days up to the newest deltas.

    Parameters
    ----------
    days : int
        Number of UTC days, the last of which has the newest deltas.

    Raises
    ------
    InsufficientHistoryError
        No deltas are published.
    SchemaMismatchError
        A manifest that answers can't be read.
    """
    prefixes = prefixes_of(jobspecs)
    newest = newest_end(prefixes[DELTAS.name])
    if newest is None:
        raise InsufficientHistoryError(
            f"No deltas are published below {prefixes[DELTAS.name]}, so there is nothing to report; run "
            "`ndr run mini-batch` first."
        )
    end = ceil_to(newest, DAY)
    period = Interval(end - days * DAY, end)
    pieces = {
        name: published_pieces(prefixes[name], period, name, pass_over_unreadable=True)
        for name in TIME_DATASETS
        if name in prefixes
    }
    inventory = _inventory(prefixes[MACHINE_INVENTORY.name]) if MACHINE_INVENTORY.name in prefixes else []
    return Published(period, prefixes, pieces, _baselines(prefixes[FG_B], period), inventory)


def _baselines(prefix: str, period: Interval) -> dict[str, list[Partition]]:
    """Return those that end within the period or at its end."""
    found = {}
    for horizon in HORIZONS:
        names = list_names(join(prefix, f"horizon={horizon}"), kind=fs.FileType.Directory)
        ends = sorted(end for name in names if (end := baseline_end_of(name)) and period.start <= end <= period.end)
        read = (readable_baseline(prefix, horizon, end) for end in ends)
        found[horizon] = [partition for partition in read if partition]
    return found


def _inventory(prefix: str) -> list[Partition]:
    uris = [join(prefix, name) for name in list_names(prefix, kind=fs.FileType.Directory) if name[:1] not in "_."]
    pairs = zip(uris, readable_manifests(uris), strict=True)
    return sorted((Partition(uri, found) for uri, found in pairs if found), key=lambda each: each.manifest.start)
