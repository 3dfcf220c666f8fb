"""Which datasets are compacted, and the tables that their partitions hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ndr.contract.datasets import (
    DELTAS,
    FG_A,
    FG_A_MACHINES,
    FG_C,
    FG_C_HOSTS,
    FG_C_PAIRS,
    FG_C_SCORES,
    PAIR_COUNTS,
    PEER_DELTAS,
    QUARANTINE,
    Dataset,
)
from ndr.contract.errors import JobSpecNotFoundError
from ndr.contract.jobspecs import DELTA_BUILDER, FG_A_BUILDER, FG_C_BUILDER, PAIR_COUNTS_BUILDER
from ndr.contract.manifest import Manifest
from ndr.jobs.run import Run


@dataclass(frozen=True)
class CompactedDataset:
    """A dataset: its name in manifests, its prefix, and the tables that are committed together.

    Partitions have those of `optional` only where the JobSpecs ask for them.
    """

    name: str
    prefix: str
    tables: tuple[Dataset, ...]
    optional: tuple[Dataset, ...] = ()

    def tables_of(self, manifests: Iterable[Manifest]) -> tuple[Dataset, ...]:
        """Return the tables that some partitions have."""
        named = {name for manifest in manifests for name in manifest.tables}
        return (*self.tables, *(table for table in self.optional if table.name in named))


def compacted_datasets(run: Run) -> tuple[CompactedDataset, ...]:
    """Return the datasets in the order in which they are compacted, with the prefixes of the JobSpecs.

    The scores are among them where the project has a JobSpec of FG-C.

    Raises
    ------
    JobSpecNotFoundError, JobSpecInvalidError
    """
    return (
        CompactedDataset(DELTAS.name, run.spec(DELTA_BUILDER).outputs.deltas, (DELTAS, PEER_DELTAS, QUARANTINE)),
        CompactedDataset(PAIR_COUNTS.name, run.spec(PAIR_COUNTS_BUILDER).outputs.pair_counts, (PAIR_COUNTS,)),
        CompactedDataset(FG_A.name, run.spec(FG_A_BUILDER).outputs.fg_a, (FG_A,), (FG_A_MACHINES,)),
        *_scores(run),
    )


def _scores(run: Run) -> tuple[CompactedDataset, ...]:
    try:
        prefix = run.spec(FG_C_BUILDER).outputs.fg_c
    except JobSpecNotFoundError:
        return ()
    return (CompactedDataset(FG_C, prefix, (FG_C_SCORES, FG_C_HOSTS, FG_C_PAIRS)),)
